"""Prices from outside all the way: a venue, the topic, the mark price, the order that waits for it."""

import asyncio
import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from stack.running import Stack, running_stack
from stack.services import FEEDS, MARK_PRICER, SERVICES
from stack.settings import Settings
from stack.waiting import wait_until
from tests.e2e.test_an_order import RULES, Desk
from tests.integration.venue_server import Session, venue_server
from tests.unit.feeds.messages import binance_quote, binance_trade

SEEN_MS_MAX = 60_000
PLAYED = "ETH-USD"


class VenueElsewhere:
    """A venue's server in a thread of the test's own: it says of BTCUSDT what the test wants it to cost."""

    def __init__(self) -> None:
        self.price = 100.0
        self.address = ""
        self._up, self._stop = Event(), Event()
        self._number = 0
        self._thread = Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(30)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    async def _serve(self) -> None:
        async with venue_server([self._talk]) as address:
            self.address = address
            self._up.set()
            while not self._stop.is_set():  # noqa: ASYNC110 - it is set by another thread
                await asyncio.sleep(0.05)

    async def _talk(self, session: Session) -> None:
        await session.confirm()
        while True:
            self._number += 1
            bid, ask = f"{self.price - 0.01:.2f}", f"{self.price + 0.01:.2f}"
            await session.say(binance_quote(self._number, bid, ask))
            await session.say(binance_trade(self._number, f"{self.price:.2f}", T=int(time.time() * 1_000)))
            while not session.asked.empty():
                asked = session.asked.get_nowait()
                await session.say(json.dumps({"result": None, "id": asked["id"]}))
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def venue() -> Iterator[VenueElsewhere]:
    made = VenueElsewhere()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, venue: VenueElsewhere) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("prices")
    settings = Settings.with_free_ports(
        folder / "stack",
        feeds={"binance": {"BTC-USD": "BTCUSDT"}},
        feed_addresses={"binance": venue.address},
        feed_recordings={PLAYED: recording(folder / "binance-ethusdt-short.jsonl.gz")},
    )
    services = [*(service.name for service in SERVICES), FEEDS.name, MARK_PRICER.name]
    with running_stack(settings, services) as running:
        yield running


def recording(path: Path) -> Path:
    """Write half a minute in which a symbol stands at 2500, a quote and a trade every half second."""
    texts = []
    for number in range(60):
        stamp = 1_723_161_600_000_000_000 + number * 500_000_000
        named = {"s": "ETHUSDT", "t": number, "p": "2500", "q": "1", "T": stamp // 1_000_000}
        quote = {"u": number, "s": "ETHUSDT", "b": "2499.5", "B": "1", "a": "2500.5", "A": "1"}
        for kind, data in (("bookTicker", quote), ("trade", named)):
            texts.append(f"{stamp} {json.dumps({'stream': f'ethusdt@{kind}', 'data': data})}\n")
    path.write_bytes(gzip.compress("".join(texts).encode()))
    return path


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Iterator[Desk]:
    with closing(Desk(stack.settings, roles=["admin"])) as desk:
        for symbol in ("BTC-USD", PLAYED):
            base = symbol.partition("-")[0]
            market = {**RULES, "symbol": symbol, "base_asset": base}
            assert desk.commands.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
        for account, asset in (("buyer", "USD"), ("seller", "BTC")):
            made = desk.commands.post("/v1/accounts", json={"account": account})
            assert made.status_code == HTTPStatus.CREATED
            deposit = {"client_transfer_id": "first", "asset": asset, "amount": "10000"}
            paid = desk.commands.post(f"/v1/accounts/{account}/deposits", json=deposit)
            assert paid.status_code == HTTPStatus.CREATED
        yield desk


def prices(desk: Desk, symbol: str = "BTC-USD") -> dict[str, Any]:
    found: dict[str, Any] = desk.read(f"/v1/markets/{symbol}/prices")
    return found


def listed(desk: Desk, what: str, **asked: Any) -> list[dict[str, Any]]:
    answer = desk.queries.get(f"/v1/markets/BTC-USD/{what}", params=asked)
    assert answer.status_code == HTTPStatus.OK, answer.text
    found: list[dict[str, Any]] = answer.json()[what.rpartition("/")[2].replace("history", "points")]
    return found


def history(desk: Desk) -> list[dict[str, Any]]:
    return listed(desk, "prices/history", limit=500)


def until(seen: Callable[[], bool], what: str) -> None:
    wait_until(seen, SEEN_MS_MAX, what)


def test_a_stop_order_fires_on_a_price_from_outside(admin: Desk, stack: Stack, venue: VenueElsewhere) -> None:
    venue.price = 100.0
    until(lambda: prices(admin)["market_mark"] == "100", "the mark price follows the venue")
    until(lambda: prices(admin)["index"] == "100", "and is shown")
    found = prices(admin)
    assert (found["index"], found["mark"], found["fresh"]) == ("100", "100", True)
    (source,) = found["sources"]
    assert (source["source"], source["state"], source["bid"], source["ask"]) == (
        "binance",
        "fresh",
        "99.99",
        "100.01",
    )

    stop = {"account": "seller", "client_order_id": "stop", "symbol": "BTC-USD", "side": "sell"}
    stop |= {"type": "stop", "quantity": "1", "trigger_price": "95", "trigger_source": "mark"}
    placed = admin.commands.post("/v1/orders", json=stop).json()
    assert placed["status"] == "waiting"
    bid = admin.place("buyer", "bid", "buy", "1", "90").json()
    assert bid["status"] == "open"

    venue.price = 94.0
    until(
        lambda: bool(admin.read(f"/v1/orders/{placed['order_id']}")["status"] == "filled"),
        "the stop order has fired and traded",
    )
    until(lambda: bool(listed(admin, "candles", interval="1d")), "candles have the trade")
    (candle,) = listed(admin, "candles", interval="1d")
    assert (candle["close"], candle["volume"], candle["trades"]) == ("90", "1", 1)

    stack.kill(FEEDS.name)
    stack.kill(MARK_PRICER.name)
    venue.price = 93.0
    until(lambda: prices(admin)["market_mark"] == "93", "both go on after kill -9")
    until(lambda: {"100", "93"} <= {point["mark"] for point in history(admin)}, "history has both")
    points = history(admin)
    assert [point["at"] for point in points] == sorted((point["at"] for point in points), reverse=True)


def test_a_recording_is_played_as_if_it_came_in_now(admin: Desk) -> None:
    until(lambda: prices(admin, PLAYED)["market_mark"] == "2500", "the mark price follows the recording")
    until(lambda: bool(prices(admin, PLAYED)["sources"]), "and is shown")
    (source,) = prices(admin, PLAYED)["sources"]
    assert source["last"] == "2500"


def test_a_market_without_sources_has_no_price(admin: Desk) -> None:
    market = {**RULES, "symbol": "NONE-USD", "base_asset": "NONE"}
    assert admin.commands.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
    until(
        lambda: admin.queries.get("/v1/markets/NONE-USD/prices").status_code == HTTPStatus.OK, "it is listed"
    )
    found = prices(admin, "NONE-USD")
    assert (found["index"], found["mark"], found["fresh"], found["sources"]) == (None, None, False, [])
    missing = admin.queries.get("/v1/markets/UNKNOWN-USD/prices")
    assert missing.status_code == HTTPStatus.NOT_FOUND
