"""What the local servers acknowledged survives kill -9, since stages acknowledge on their word."""

import os
import signal
import time

import pytest
from confluent_kafka import Consumer, Producer
from pymongo import MongoClient

from demo.errors import SetupError
from demo.kafka import TopicsBroker, create_topics
from demo.mongo import MongoServer
from demo.server import free_port
from jobs.shared.topics import USER_EVENTS

pytestmark = pytest.mark.services


def kill_and_restart(server):
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.start()
    server.ready()


def skip_where_missing(server):
    try:
        server.command()
    except SetupError as error:
        pytest.skip(str(error))


def test_acknowledged_records_and_topics_survive_the_death_of_the_broker(tmp_path):
    broker = TopicsBroker(free_port(), tmp_path / "data", tmp_path / "kafka.log")
    skip_where_missing(broker)
    with broker:
        acknowledged = set()
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "enable.idempotence": True, "linger.ms": 1, "log_level": 0})
        for number in range(20_000):
            producer.produce(
                USER_EVENTS.name,
                str(number),
                key=str(number % 50),
                on_delivery=lambda error, message: acknowledged.add(message.value()) if error is None else None,
            )
        while len(acknowledged) < 2_000:
            producer.poll(0.01)
        producer.purge()
        kill_and_restart(broker)
        create_topics(broker.bootstrap_servers)
        consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "reader", "auto.offset.reset": "earliest", "log_level": 0})
        consumer.subscribe([USER_EVENTS.name])
        found = set()
        deadline = time.monotonic() + 20
        while not acknowledged <= found and time.monotonic() < deadline:
            found |= {message.value() for message in consumer.consume(10_000, timeout=0.5)}
        consumer.close()
        assert acknowledged <= found


def test_a_topic_that_nobody_declared_does_not_exist(kafka):
    refused = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "topic.metadata.propagation.max.ms": 500, "log_level": 0})
    producer.produce("user-event", "misspelt", on_delivery=lambda error, _message: refused.append(error.name()))
    producer.flush(10)
    assert refused[0] in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC")  # by the broker, or by the client that asked it before


def test_acknowledged_documents_survive_the_death_of_the_document_store(tmp_path):
    server = MongoServer(free_port(), tmp_path / "data", tmp_path / "mongo.log")
    skip_where_missing(server)
    with server:
        with MongoClient(server.uri) as client:
            for number in range(300):
                client.earshot.written.replace_one({"_id": number}, {"value": number}, upsert=True)
        kill_and_restart(server)
        with MongoClient(server.uri) as client:
            assert {document["_id"] for document in client.earshot.written.find()} == set(range(300))
