"""From one shard to several: the topic of commands grows, and never shrinks."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from stack.running import running_stack
from stack.service import create_topics
from stack.settings import Settings
from stack.waiting import wait_until
from streams.topics import ORDERS

GROWN_MS_MAX = 20_000

pytestmark = pytest.mark.timeout(180)


def test_new_shards_get_their_partitions_and_none_is_given_up(tmp_path: Path) -> None:
    settings = Settings.with_free_ports(tmp_path / "stack")
    with running_stack(settings, servers=("kafka",)):
        admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap})

        def partitions() -> int:
            return len(admin.list_topics(ORDERS, timeout=10).topics[ORDERS].partitions)

        create_topics(settings)
        wait_until(lambda: partitions() == 1, GROWN_MS_MAX, "one shard")
        more = settings.model_copy(update={"shards": 3})
        create_topics(more)
        wait_until(lambda: partitions() == 3, GROWN_MS_MAX, "three shards")
        create_topics(more)
        with pytest.raises(SystemExit, match="OMS_SHARDS=3"):
            create_topics(settings)
