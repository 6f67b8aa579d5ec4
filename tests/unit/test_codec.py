"""Stored events are read for ever: one golden file for each event type and version that was ever stored.

A golden file is never edited and never deleted. A new event type, or a new version of one, gets a new file
and a new line in ``GOLDEN``; the expectation of an older version is then what it is upcast to.
"""

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from domain.account import (
    AccountFeesSet,
    AccountGroupSet,
    AccountLimits,
    AccountLimitsSet,
    AccountOpened,
    AccountPosted,
    Fill,
    FundsDeposited,
    Posting,
)
from domain.control import (
    AccountStatusChanged,
    MarketDelisted,
    MarketRulesChanged,
    MarketStatusChanged,
    VenueStatusChanged,
)
from domain.exchange import EVOLUTIONS
from domain.market import MarketListed, MarketRules, MarkPriceSet
from domain.order import (
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderRequest,
    OrderTriggered,
    TradePrevented,
    Trigger,
)
from domain.order_list import ListLeg, OrderListEnded, OrderListPlaced, OrderListRejected
from domain.shard_transfer import (
    FundsDeclined,
    FundsReceived,
    FundsSent,
    TransferCompleted,
    TransferReturned,
)
from domain.trade import TradeBusted, TradeCorrected
from domain.transfer import (
    BalanceAdjusted,
    FundsTransferred,
    WithdrawalCancelled,
    WithdrawalCompleted,
    WithdrawalRequested,
)
from streams.codec import (
    PRESENT_TYPES,
    RecordedEvent,
    Slice,
    StoredEventType,
    decode_recorded,
    decode_slice,
    encode,
    event_type,
    join_slice,
)
from streams.upcasting import UPCASTERS, UnknownEventError

FOLDER = Path(__file__).parent / "domain" / "golden"
EVENT_TYPES: tuple[type[Any], ...] = get_args(StoredEventType)

ORDER = "0000f7b1-5e0c-8a4d-8f3e-0123456789ab"
COUNTER = "00001122-3344-8566-8788-99aabbccddee"
PLACE, OTHER_PLACE = "place-1", "place-2"
OCCURRED_AT_US = 1_790_000_000_123_456

RULES = MarketRules(
    symbol="BTC-USD",
    base_asset="BTC",
    quote_asset="USD",
    base_scale=8,
    quote_scale=10,
    price_scale=2,
    tick=1,
    lot=1,
    min_quantity=1_000,
    max_quantity=100_000_000_000,
    min_notional=10_000_000_000,
    maker_fee_ppm=1_000,
    taker_fee_ppm=2_000,
    market_buffer_ppm=25_000,
    session_end_s=79_200,
)
FILL = Fill(
    symbol="BTC-USD",
    trade_id=42,
    side="buy",
    liquidity="taker",
    price=9_999_999,
    quantity=50_000_000,
    notional=499_999_950_000_000,
    fee=999_999_900_000,
)


def recorded(seq: int, stream: str, version: int, event: StoredEventType, **more: Any) -> RecordedEvent:
    cause: dict[str, Any] = {"actor": "alice", "causation_id": PLACE} | more
    return RecordedEvent(
        seq=seq,
        event_id=f"0-{seq}",
        stream=stream,
        version=version,
        occurred_at_us=OCCURRED_AT_US,
        event=event,
        **cause,
    )


GOLDEN = {
    "MarketListed.v1": recorded(1, "market-stream", 1, MarketListed(RULES), actor="operator"),
    "AccountOpened.v1": recorded(2, "account-stream", 1, AccountOpened("alice"), actor="operator"),
    "FundsDeposited.v1": recorded(
        3,
        "transfer-stream",
        1,
        FundsDeposited(
            transfer_id="transfer-stream",
            client_transfer_id="wire-1",
            account="alice",
            asset="USD",
            amount=2**63 - 1,
        ),
        correlation_id="batch of 3 März",
    ),
    "OrderPlaced.v1": recorded(
        4,
        ORDER,
        1,
        OrderPlaced(
            order_id=ORDER,
            account="alice",
            client_order_id="a-1",
            symbol="BTC-USD",
            side="buy",
            order_type="limit",
            time_in_force="gtc",
            price=10_000_000,
            quantity=150_000_000,
            resting=20_000_000,
            held=1_503_000_000_000_000,
            maker_fee_ppm=1_000,
            taker_fee_ppm=2_000,
            self_trade="decrement",
            display=20_000_000,
            expires_at_us=OCCURRED_AT_US + 60_000_000,
            session="desk-1",
            post_only=True,
        ),
        correlation_id="strategy-7",
    ),
    "OrderRejected.v1": recorded(
        5,
        COUNTER,
        1,
        OrderRejected(
            order_id=COUNTER,
            account="bob",
            client_order_id='b "quoted" \\ id',
            symbol="BTC-USD",
            request=OrderRequest(
                side="sell",
                order_type="trailing_stop",
                time_in_force="ioc",
                quantity="1.000000001",
                trigger_source="mark",
                trailing_bps=50,
                self_trade="expire_both",
            ),
            code="invalid_quantity",
            detail="quantity 1.000000001 has 9 decimals; at most 8 are allowed",
        ),
        actor="bob",
        causation_id=OTHER_PLACE,
    ),
    "OrderFilled.v1": recorded(
        6,
        ORDER,
        2,
        OrderFilled(
            order_id=ORDER,
            account="alice",
            symbol="BTC-USD",
            side="buy",
            liquidity="taker",
            trade_id=42,
            counter_order_id=COUNTER,
            price=9_999_999,
            quantity=50_000_000,
            notional=499_999_950_000_000,
            fee=999_999_900_000,
            remaining=100_000_000,
            held=1_002_000_000_000_000,
            revealed=20_000_000,
        ),
    ),
    "OrderTriggered.v1": recorded(
        9,
        ORDER,
        2,
        OrderTriggered(
            order_id=ORDER,
            account="alice",
            symbol="BTC-USD",
            side="buy",
            trigger_price=10_000_000,
            price=None,
            quantity=150_000_000,
            resting=0,
            held=1_503_000_000_000_000,
        ),
        causation_id=OTHER_PLACE,
    ),
    "OrderAmended.v1": recorded(
        10,
        ORDER,
        3,
        OrderAmended(
            order_id=ORDER,
            account="alice",
            symbol="BTC-USD",
            side="buy",
            old_price=10_000_000,
            price=9_999_900,
            quantity=120_000_000,
            remaining=70_000_000,
            leaves=20_000_000,
            resting=30_000_000,
            held=701_392_986_000_000,
            keeps_priority=False,
            trigger=Trigger(price=9_500_000, rising=False, source="mark", trail=100, trail_bps=0),
        ),
        causation_id="amend-1",
    ),
    "TradePrevented.v1": recorded(
        11,
        ORDER,
        4,
        TradePrevented(
            order_id=ORDER,
            account="alice",
            symbol="BTC-USD",
            counter_order_id=COUNTER,
            price=9_999_999,
            quantity=50_000_000,
            mode="decrement",
        ),
    ),
    "MarkPriceSet.v1": recorded(
        12,
        "market-stream",
        2,
        MarkPriceSet(symbol="BTC-USD", price=9_999_950),
        actor="operator",
        causation_id="mark-1",
    ),
    "TradeBusted.v1": recorded(
        13,
        "market-stream",
        3,
        TradeBusted(
            symbol="BTC-USD",
            trade_id=42,
            buy_order_id=ORDER,
            buyer="alice",
            sell_order_id=COUNTER,
            seller="bob",
            quantity=50_000_000,
            price=9_999_000,
            notional=499_950_000_000_000,
            buyer_fee=999_900_000_000,
            seller_fee=499_950_000_000,
            reason="clearly erroneous: rule 11",
        ),
        actor="operator",
        causation_id="bust-1",
    ),
    "TradeCorrected.v1": recorded(
        14,
        "market-stream",
        4,
        TradeCorrected(
            symbol="BTC-USD",
            trade_id=42,
            buy_order_id=ORDER,
            buyer="alice",
            sell_order_id=COUNTER,
            seller="bob",
            quantity=50_000_000,
            old_price=9_999_999,
            old_notional=499_999_950_000_000,
            old_buyer_fee=999_999_900_000,
            old_seller_fee=499_999_950_000,
            price=9_999_000,
            notional=499_950_000_000_000,
            buyer_fee=999_900_000_000,
            seller_fee=499_950_000_000,
            reason="price of a stale quote",
        ),
        actor="operator",
        causation_id="correct-1",
    ),
    "OrderCancelled.v1": recorded(
        7,
        ORDER,
        3,
        OrderCancelled(
            order_id=ORDER,
            account="alice",
            symbol="BTC-USD",
            side="buy",
            price=10_000_000,
            remaining=100_000_000,
            resting=100_000_000,
            reason="requested",
        ),
        causation_id="cancel-1",
    ),
    "AccountPosted.v1": recorded(
        8,
        "account-stream",
        2,
        AccountPosted(
            account="alice",
            postings=(
                Posting("alice", "USD", "deposit", 7, 7, 0, "deposit-1"),
                Posting("alice", "USD", "hold", 7, 0, 7, PLACE, ORDER),
                Posting("alice", "USD", "pay", 5, 0, 2, PLACE, ORDER),
                Posting("alice", "USD", "release", 2, 2, 0, PLACE, ORDER),
                Posting("alice", "BTC", "receive", 50_000_000, 50_000_000, 0, PLACE, ORDER, FILL),
            ),
        ),
        actor="order-processor",
        causation_id="",
    ),
    "WithdrawalRequested.v1": recorded(
        13,
        "transfer-stream-2",
        1,
        WithdrawalRequested("transfer-stream-2", "out-1", "alice", "USD", 2**63 - 1, "bc1-approved-7"),
    ),
    "WithdrawalCompleted.v1": recorded(
        14,
        "transfer-stream-2",
        2,
        WithdrawalCompleted("transfer-stream-2", "alice", "USD", 2**63 - 1, "tx 0xbeef"),
        actor="custody",
    ),
    "WithdrawalCancelled.v1": recorded(
        15,
        "transfer-stream-3",
        2,
        WithdrawalCancelled("transfer-stream-3", "alice", "USD", 5, "address not reachable"),
        actor="custody",
    ),
    "FundsTransferred.v1": recorded(
        16,
        "transfer-stream-4",
        1,
        FundsTransferred("transfer-stream-4", "move-1", "alice", "bob", "BTC", 100_000_000),
    ),
    "BalanceAdjusted.v1": recorded(
        17,
        "transfer-stream-5",
        1,
        BalanceAdjusted(
            transfer_id="transfer-stream-5",
            client_transfer_id="fix-1",
            account="alice",
            asset="BTC",
            side="debit",
            amount=7,
            reason="credited twice, ticket 4711",
            approver="carol",
        ),
        actor="dave",
    ),
    "AccountFeesSet.v1": recorded(
        18, "account-stream", 3, AccountFeesSet("alice", None, 0, 500), actor="operator"
    ),
    "AccountGroupSet.v1": recorded(
        19, "account-stream", 4, AccountGroupSet("alice", "desk"), actor="operator"
    ),
    "MarketStatusChanged.v1": recorded(
        13,
        "market-stream",
        3,
        MarketStatusChanged(symbol="BTC-USD", status="cancel_only", reason="feed lost", actor="operator"),
        actor="operator",
        causation_id="status-1",
    ),
    "MarketRulesChanged.v1": recorded(
        14,
        "market-stream",
        4,
        MarketRulesChanged(
            symbol="BTC-USD",
            rules=msgspec.structs.replace(
                RULES,
                tick=10,
                max_open_orders=200,
                buy_band_up_ppm=100_000,
                buy_band_down_ppm=800_000,
                sell_band_up_ppm=4_000_000,
                sell_band_down_ppm=100_001,
            ),
            actor="operator",
        ),
        actor="operator",
        causation_id="rules-1",
    ),
    "MarketDelisted.v1": recorded(
        15,
        "market-stream",
        5,
        MarketDelisted(symbol="BTC-USD", actor="admin"),
        actor="admin",
        causation_id="delist-1",
    ),
    "AccountStatusChanged.v1": recorded(
        16,
        "account-stream",
        3,
        AccountStatusChanged(
            account="alice", status="reduce_only", reason="limit of exposure reached", actor="risk"
        ),
        actor="risk",
        causation_id="status-2",
    ),
    "VenueStatusChanged.v1": recorded(
        17,
        "venue-stream",
        1,
        VenueStatusChanged(status="halted", reason="drill", actor="operator"),
        actor="operator",
        causation_id="status-3",
    ),
    "AccountLimitsSet.v1": recorded(
        13,
        "account-stream",
        3,
        AccountLimitsSet(
            account="alice",
            limits=AccountLimits(
                max_order_notional={"USD": 1_000_000_000_000_000},
                max_open_notional={"EUR": 0, "USD": 5_000_000_000_000_000},
                max_position={"BTC-USD": 1_000_000_000},
                order_rate=50,
                daily_loss={"USD": 250_000_000_000_000},
            ),
        ),
        actor="risk-desk",
        causation_id="limits-1",
    ),
}

LEGS = (
    ListLeg(ORDER, "entry", OrderRequest(side="buy", quantity="1", price="100")),
    ListLeg(
        COUNTER,
        "exit",
        OrderRequest(side="sell", order_type="stop", quantity="1.0", trigger_price="90"),
    ),
)
GOLDEN |= {
    "OrderListPlaced.v1": recorded(
        9, "list-stream", 1, OrderListPlaced("list-stream", "alice", "list-1", "BTC-USD", "oto", LEGS)
    ),
    "OrderListRejected.v1": recorded(
        10,
        "list-stream",
        1,
        OrderListRejected(
            "list-stream",
            "alice",
            "list-1",
            "BTC-USD",
            "oto",
            LEGS,
            "insufficient_funds",
            "needs 100 USD, available 0",
        ),
    ),
    "OrderListEnded.v1": recorded(
        11, "list-stream", 2, OrderListEnded("list-stream", "alice", "BTC-USD", "requested")
    ),
}
GOLDEN |= {
    "FundsSent.v1": recorded(
        18,
        "transfer-stream-6",
        1,
        FundsSent("transfer-stream-6", "shift-1", "alice", 1, "bob", "USD", 50_000_000_000),
        correlation_id="rebalancing",
    ),
    "TransferCompleted.v1": recorded(
        19,
        "transfer-stream-6",
        2,
        TransferCompleted("transfer-stream-6", "alice", 1, "USD", 50_000_000_000),
        actor="courier",
        causation_id="1-5",
    ),
    "TransferReturned.v1": recorded(
        20,
        "transfer-stream-7",
        2,
        TransferReturned(
            transfer_id="transfer-stream-7",
            account="alice",
            to_shard=1,
            asset="USD",
            amount=7,
            code="unknown_account",
            detail="account 'bob' is not open",
        ),
        actor="courier",
        causation_id="1-6",
    ),
    "FundsReceived.v1": recorded(
        21,
        "arrival-stream-1",
        1,
        FundsReceived("transfer-stream-8", "shift-3", 1, "alice", "bob", "USD", 50_000_000_000),
        actor="courier",
        causation_id="1-17",
        correlation_id="rebalancing",
    ),
    "FundsDeclined.v1": recorded(
        22,
        "arrival-stream-2",
        1,
        FundsDeclined(
            transfer_id="transfer-stream-9",
            client_transfer_id="shift-4",
            from_shard=1,
            from_account="alice",
            account="bob",
            asset="DOGE",
            amount="0.5",
            code="unknown_asset",
            detail="asset 'DOGE'; known are: BTC, USD",
        ),
        actor="courier",
        causation_id="1-18",
    ),
}
PRESENT = [name for name in GOLDEN if name in PRESENT_TYPES]


def golden_file(name: str) -> Path:
    return FOLDER / f"{name}.json"


# --- Golden files ---------------------------------------------------------------------------------------


def test_every_event_type_has_a_golden_file_and_every_file_an_expectation() -> None:
    types = {str(kind.__struct_config__.tag) for kind in EVENT_TYPES}
    older = {kind for kind in UPCASTERS if not kind.startswith("Posting.")}  # stored within AccountPosted
    assert types | older <= set(GOLDEN)
    assert {path.name.removesuffix(".json") for path in FOLDER.iterdir()} == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_stored_event_reads_as_it_was_meant(name: str) -> None:
    assert decode_recorded(golden_file(name).read_bytes()) == GOLDEN[name]


@pytest.mark.parametrize("name", PRESENT)
def test_a_stored_event_is_written_again_byte_by_byte(name: str) -> None:
    stored = golden_file(name).read_bytes()
    assert encode(decode_recorded(stored)) + b"\n" == stored


@pytest.mark.parametrize("name", PRESENT)
def test_what_is_written_is_of_the_present_version(name: str) -> None:
    assert event_type(GOLDEN[name].event) == name


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_file_holds_the_type_it_is_named_after(name: str) -> None:
    assert msgspec.json.decode(golden_file(name).read_bytes())["event"]["type"] == name


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_stored_event_can_be_replayed(kind: type[Any]) -> None:
    assert kind in EVOLUTIONS


# --- What is not ours -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"AccountOpened.v1", b"AccountOpened.v9"),
        (b'"account":"alice"', b'"account":7'),
        (b'"account":"alice"', b'"holder":"alice"'),
        (b'"seq":2', b'"seq":2.5'),
        (b'"seq":2', b'"seq":"2"'),
        (b'"type":"AccountOpened.v1",', b""),
    ],
)
def test_what_is_not_an_event_is_refused(good: bytes, bad: bytes) -> None:
    stored = golden_file("AccountOpened.v1").read_bytes()
    assert good in stored
    with pytest.raises(msgspec.ValidationError):
        decode_recorded(stored.replace(good, bad))


@pytest.mark.parametrize("stored", [b"", b"{", b"\xff", b'{"seq":1'])
def test_what_is_not_json_is_refused(stored: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_recorded(stored)


def test_a_field_added_later_does_not_hinder_reading() -> None:
    stored = golden_file("AccountOpened.v1").read_bytes()
    assert decode_recorded(stored.replace(b'{"seq"', b'{"new":[1],"seq"', 1)) == GOLDEN["AccountOpened.v1"]


# --- Slices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, len(GOLDEN)])
def test_joined_bytes_are_the_encoded_slice(count: int) -> None:
    events = tuple(GOLDEN.values())[:count]
    joined = join_slice(3, 10, 11, 10 + count, [encode(event) for event in events])
    whole = Slice(shard=3, previous=10, first=11, last=10 + count, events=events)
    assert joined == encode(whole)
    assert decode_slice(joined) == whole


def test_a_slice_with_an_event_of_no_known_type_is_refused_whole() -> None:
    good = encode(GOLDEN["AccountOpened.v1"])
    with pytest.raises(UnknownEventError, match=r"event 2 is of type AccountOpened\.v0"):
        decode_slice(join_slice(0, 0, 1, 2, [good, good.replace(b"AccountOpened.v1", b"AccountOpened.v0")]))
