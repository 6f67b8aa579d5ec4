"""Writes docs/commands.md, what to type for every command, from the code: `python docs/commands.py`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from api.command import examples
from docs.openapi_command import document

PAGE = Path(__file__).with_name("commands.md")
MARK = "<!-- run by tests/e2e/test_commands_page.py -->\n```bash\n"

ABOUT = """\
# Every command, by curl

What the command API takes, each operation with an example that works as it stands, one after the other on a
new venue (`./oms up`). The contract, with every field, is [openapi-command.yaml](openapi-command.yaml); the
WebSocket's is [asyncapi.yaml](asyncapi.yaml); every error is in [problems.md](problems.md). This page is made
from the code (`python docs/commands.py`).

## How long an answer waits

Orders and order lists take `answer`, a query parameter here and a field of an item over the WebSocket:

| `answer` | waits for | answers |
|---|---|---|
| `ack` | the log, on all its replicas | 202, `pending`, with the ids |
| `result` | the outcome | the outcome without its fills |
| `full` (unless told otherwise) | the outcome | the outcome with its fills |

An acknowledged command is decided whatever happens to this API. It is not accepted yet: query the order. If
the log does not confirm in time the answer is 503 `not_confirmed`: send it again, with the same client id. An
outcome that does not come in time is 202 and `pending`, as an acknowledgement is.

## The same request again

A command may be sent again whenever its answer was lost: it is done once.

* **Orders, lists, deposits, withdrawals, transfers, adjustments** have an id of the client's own.
  The event store knows it for ever, whatever becomes of any cache. The same content again is answered as
  the first time, with `Idempotent-Replayed: true`; other content is refused, 422 `id_reused`. Two at
  once are both answered, the second as a repeat.
* A header **`Idempotency-Key`** (IETF draft, with or without its quotes, 64 visible characters at most) may
  stand for that id: leave the id out of the body, and the key is the id, per account. With neither: 400
  `idempotency_key_missing`.
* **Any other POST** takes the header as well, and so does one with both an id and a key. The key is the
  caller's (the token's subject); it is claimed in PostgreSQL before anything is done, and the answer is kept
  there for 30 days: the same request again gets it back, with `Idempotent-Replayed: true`. Another address or
  body under the key: 422 `id_reused`. The first is still under way: 409 `idempotency_key_in_use` with
  `Retry-After`. What was refused (status 400 and above) did nothing, and gives the key back. If PostgreSQL
  does not answer: 503, nothing was done.
* Without a key these POSTs name what they do by themselves (an account, a market, a trade, a withdrawal), and
  doing them again changes nothing. The exception is the kill switch: sent again after a release it stops the
  account again; a key prevents that.
* If an API process dies between carrying a request out and keeping its answer, the key is free after 60 s,
  and a repeat is carried out again, with the same effect as without a key.

## Who reaches what

| the domain's command | over HTTP | over the WebSocket |
|---|---|---|
| PlaceOrder | `POST /v1/orders`, `/v1/orders/test`, in `/v1/orders/batch` | `place`, `place_test` |
| AmendOrder | `PATCH /v1/orders/{order_id}`, in a batch | `amend` |
| CancelReplace | `POST /v1/orders/cancel-replace`, in a batch | `cancel_replace` |
| CancelOrder | `DELETE /v1/orders/{order_id}`, `POST /v1/orders/cancel`, in a batch | `cancel` |
| CancelAll of an account, its market, its side | `DELETE /v1/orders` | `cancel_all` |
| CancelAll of a market, its side | `DELETE /v1/markets/{symbol}/orders` | (the venue's) |
| CancelAll of a session | (the connection's end) | `cancel_on_disconnect` |
| PlaceOrderList, CancelOrderList | `POST /v1/order-lists`, `DELETE /v1/order-lists/{list_id}` | \
`place_list`, `cancel_list` |
| SetAccountStatus | `PUT /v1/accounts/{account}/status`, `POST .../kill-switch` | `kill_switch` |
| OpenAccount, SetAccountLimits, SetAccountFees, SetAccountGroup | under `/v1/accounts` | (the venue's) |
| Deposit, RequestWithdrawal, CompleteWithdrawal, CancelWithdrawal, AdjustBalance | under \
`/v1/accounts/{account}` | (the venue's) |
| TransferFunds, SendFunds | `POST /v1/transfers` | |
| ReceiveFunds, CompleteTransfer, ReturnFunds | (sent by the shards: [transfers](transfers.md)) | |
| ListMarket, ChangeMarketRules, SetMarketStatus, DelistMarket, SetMarkPrice | under `/v1/markets` | (the \
venue's) |
| BustTrade, CorrectTrade | under `/v1/markets/{symbol}/trades/{trade_id}` | (the venue's) |
| SetVenueStatus | `PUT /v1/venue/status` | (the venue's) |

A batch over the WebSocket is a frame of several items.

## What to type
"""
OPENING = """\
# one person with every right, as nobody has outside a demonstration, and a second one to approve
STAFF=$(./oms token --role admin --role operator --role risk --role trader --account alice --account bob)
ADMIN="Authorization: Bearer $STAFF"
SECOND="Authorization: Bearer $(./oms token --role admin --role risk --subject second)"
JSON="Content-Type: application/json"
OMS=http://127.0.0.1:8001
"""


def summaries() -> dict[str, str]:
    """Return what each operation does, in its own words."""
    return {
        operation["operationId"]: " ".join(str(operation.get("description", "")).split())
        for item in document()["paths"].values()
        for operation in item.values()
    }


def curl(request: examples.Request) -> str:
    parts = [f'curl -s -f -H "${"SECOND" if request.second else "ADMIN"}"']
    if request.method not in {"GET", "POST"} or (request.method == "POST" and request.body is None):
        parts.append(f"-X {request.method}")
    if request.key:
        parts.append(f"-H 'Idempotency-Key: \"{request.key}\"'")
    line = f'{" ".join(parts)} "$OMS{request.path}"'
    if request.body is None:
        return f"{line}\n"
    return f"{line} -H \"$JSON\" \\\n  -d '{json.dumps(request.body)}'\n"


def _sections() -> Iterator[str]:
    told = summaries()
    yield f"{MARK}{OPENING}```\n"
    before = ""
    for request in examples.STORY:
        if request.operation != before:
            yield f"### {request.operation}\n\n{told[request.operation]}\n"
        before = request.operation
        yield f"{MARK}{curl(request)}```\n"


def as_text() -> str:
    return "\n".join((ABOUT, *_sections()))


if __name__ == "__main__":
    PAGE.write_text(as_text())
