"""Builds the adapters of stream_events and runs it."""

import argparse

from jobs.shared import topics
from jobs.shared.entry import Report, main
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.kafka import KafkaLog, named
from jobs.stream_events import catch_up, job
from jobs.stream_events.backlog import ends, pending
from jobs.stream_events.checkpoint import Checkpoint
from jobs.stream_events.settings import StreamEventsSettings


def arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="store what the topic holds now, then end")
    how.add_argument("--wait", action="store_true", help="store nothing: wait until the running stream has stored what the topic holds now")
    parser.add_argument("--timeout-s", type=float, default=900.0, metavar="SECONDS", help="how long --wait waits before exit code 1 (default: %(default)s)")


def start(settings: StreamEventsSettings, options: argparse.Namespace) -> Report:
    checkpoint = Checkpoint(settings.checkpoint_uri, settings.lake)
    topic = named(settings.kafka, topics.USER_EVENTS).name
    if options.wait:
        return catch_up.wait(lambda: ends(settings.kafka, topics.USER_EVENTS), lambda: checkpoint.stored(topic), timeout_s=options.timeout_s)
    # Asked also when the stream is to run for ever: an outage is named in seconds, before a JVM starts.
    waiting = pending(settings.kafka, topics.USER_EVENTS, checkpoint.done(topic))
    if options.once and not waiting:
        return Report(details={"nothing_to_do": True})

    from jobs.shared.spark import session
    from jobs.stream_events import query

    sink = job.EventSink(DeltaLake(settings.lake), KafkaLog(settings.kafka), checkpoint.query_id)
    with session("stream_events", settings.spark, settings.lake) as spark:
        return query.run(spark, sink, checkpoint.spark_uri, settings, once=options.once)


if __name__ == "__main__":
    raise SystemExit(main("stream_events", StreamEventsSettings, start, doc=job.__doc__, arguments=arguments))
