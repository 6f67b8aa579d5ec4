"""After a disaster the topics are made anew, also while a killed consumer is still counted as one."""

from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from time import monotonic

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from commands.processor import GROUP
from stack.restoring import KAFKA_WAIT_S, forget_topics
from stack.running import running_stack
from stack.service import create_topics
from stack.settings import Settings
from streams.topics import ACCOUNTS, ORDERS

STAYS_S = 3.0


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    """A broker of its own: its topics are going to be deleted."""
    with running_stack(Settings.with_free_ports(tmp_path), servers=("kafka",)) as stack:
        create_topics(stack.settings)
        yield stack.settings.kafka_bootstrap


def member(kafka: str, group: str) -> Consumer:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": group})
    consumer.subscribe([ORDERS])
    deadline = monotonic() + KAFKA_WAIT_S
    while not consumer.assignment() and monotonic() < deadline:
        consumer.poll(0.1)
    assert consumer.assignment()
    return consumer


def test_a_group_is_forgotten_once_its_last_member_is_gone_and_others_are_left_alone(kafka: str) -> None:
    foreign, dying = member(kafka, "somebody-elses"), member(kafka, GROUP)
    Timer(STAYS_S, dying.close).start()
    began = monotonic()
    forget_topics(kafka)
    assert monotonic() - began >= STAYS_S / 2, "it waited"
    admin = AdminClient({"bootstrap.servers": kafka})
    groups = {group.group_id for group in admin.list_consumer_groups().result(KAFKA_WAIT_S).valid}
    assert GROUP not in groups
    assert "somebody-elses" in groups
    assert not {ORDERS, ACCOUNTS} & set(admin.list_topics(timeout=KAFKA_WAIT_S).topics)
    foreign.close()
