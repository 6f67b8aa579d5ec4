"""A desk: sends commands to one shard's processor on the real servers, and hears the answers."""

from typing import Any
from uuid import uuid4

import psycopg
import redis
from confluent_kafka import Message

from commands.committer import wait_for
from commands.messages import AnyCommand, CommandMessage, Outcome, decode_replies
from commands.ownership import take_over
from commands.replies import Replies
from commands.shard_processor import ProcessorConfig, ShardProcessor
from domain import ids
from domain.account import Deposit, OpenAccount
from domain.market import ListMarket
from domain.order import CancelOrder, OrderRequest, PlaceOrder
from stack.running import Stack
from streams.codec import RecordedEvent, encode
from streams.history import read_events
from streams.publisher import make_producer
from streams.topics import ORDERS

PARTITIONS = 4


class Desk:
    """Sends commands to one shard's processor, moves it on, and listens for the answers."""

    def __init__(self, servers: Stack, dsn: str, **config: Any) -> None:
        self.dsn = dsn
        self.config = ProcessorConfig(
            postgres_dsn=dsn,
            kafka_bootstrap=servers.settings.kafka_bootstrap,
            redis_url=servers.settings.redis_url,
            partitions=PARTITIONS,
            instance="test",
            ids_expected=1_000,
            **config,
        )
        self.channel = f"replies:{uuid4().hex}"
        self.offset = 0
        self.answers: list[Outcome] = []
        self.tokens: list[str] = []
        self._redis = redis.Redis.from_url(self.config.redis_url)
        self._listening = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis has no type for it
        self._listening.subscribe(self.channel)
        self._listening.get_message(timeout=5)
        self.processor = self.owner()

    def owner(self) -> ShardProcessor:
        producer = make_producer(self.config.kafka_bootstrap, "test")
        return ShardProcessor(self.config, take_over(self.dsn, 0), producer, Replies(self.config.redis_url))

    def send(self, *commands: AnyCommand) -> None:
        """Have the processor take the commands, and do what it can do at once."""
        values = [encode(CommandMessage(command, self.channel)) for command in commands]
        messages = [message(self.offset + number, value) for number, value in enumerate(values)]
        self.offset += len(messages)
        self.processor.take(messages)
        self.processor.advance()

    def settle(self) -> list[Outcome]:
        """Move on until everything is committed. Return all answers so far."""
        while self.processor.committer.busy:
            wait_for([self.processor.committer], 1)
            self.processor.advance()
        return self.heard()

    def heard(self) -> list[Outcome]:
        while (found := self._listening.get_message(timeout=0.2)) is not None:
            batch = decode_replies(found["data"])
            self.answers += batch.outcomes
            self.tokens.append(batch.token)
        return self.answers

    def stored(self) -> list[RecordedEvent]:
        with psycopg.connect(self.dsn) as store:
            return list(read_events(store, 0))

    def start_again(self) -> None:
        """Let the shard go in order, and take it over anew."""
        self.processor.release()
        self.processor = self.owner()

    def commits(self) -> int:
        with psycopg.connect(self.dsn) as store:
            return store.execute("SELECT 1 FROM commits").rowcount

    def close(self) -> None:
        self.processor.abandon()
        self._listening.close()
        self._redis.close()


def message(offset: int, value: bytes) -> Message:
    return Message(topic=ORDERS, partition=0, offset=offset, value=value)


MARKET = ListMarket(
    command_id="list",
    actor="admin",
    symbol="BTC-USD",
    base_asset="BTC",
    quote_asset="USD",
    base_scale=8,
    quote_scale=10,
    tick_size="0.01",
    lot_size="0.00000001",
    min_quantity="0.00000001",
    max_quantity="10000",
    min_notional="0",
    maker_fee_ppm=1_000,
    taker_fee_ppm=2_000,
)


def funded(account: str, asset: str, amount: str) -> list[AnyCommand]:
    deposit = Deposit(
        command_id=f"deposit-{account}",
        actor="admin",
        transfer_id=ids.transfer_id(0, account, asset),
        client_transfer_id=asset,
        account=account,
        asset=asset,
        amount=amount,
    )
    return [OpenAccount(command_id=f"open-{account}", actor="admin", account=account), deposit]


def place(
    name: str, quantity: str = "1", account: str = "alice", side: Any = "buy", **more: Any
) -> PlaceOrder:
    return PlaceOrder(
        command_id=uuid4().hex,
        actor=account,
        order_id=ids.order_id(0, account, name),
        account=account,
        client_order_id=name,
        symbol="BTC-USD",
        request=OrderRequest(side=side, quantity=quantity, price="100", **more),
    )


def cancel(name: str, account: str = "alice") -> CancelOrder:
    order = ids.order_id(0, account, name)
    return CancelOrder(command_id=uuid4().hex, actor=account, order_id=order, account=account)


def told(outcomes: list[Outcome]) -> list[tuple[str, bool]]:
    return [(outcome.status, outcome.replayed) for outcome in outcomes]
