"""The real servers that tests may ask for, one of each for a whole test run, on data of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.errors import SetupError
from demo.kafka import KafkaBroker, TopicsBroker
from demo.mongo import MongoServer
from demo.server import Server, free_port
from tests.support.object_store import minio

__all__ = ["kafka", "minio", "mongo"]


def running(server: Server) -> Iterator[Server]:
    try:
        server.command()
    except SetupError as error:
        pytest.skip(f"{server.title} is not installed: {error}")
    with server:
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker with the declared topics; `kafka.bootstrap_servers` is its address."""
    folder: Path = tmp_path_factory.mktemp("kafka")
    yield from running(TopicsBroker(free_port(), folder, folder / "kafka.log"))


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """An empty document store; `mongo.uri` is its address."""
    folder: Path = tmp_path_factory.mktemp("mongo")
    yield from running(MongoServer(free_port(), folder, folder / "mongo.log"))
