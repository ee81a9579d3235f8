"""Builds the adapters of simulate_events and runs it."""

import argparse

from jobs.shared.entry import Report, main
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.kafka import KafkaLog
from jobs.simulate_events import job
from jobs.simulate_events.settings import SimulateEventsSettings


def start(settings: SimulateEventsSettings, _arguments: argparse.Namespace) -> Report:
    lake = DeltaLake(settings.lake)
    wave = job.plan(lake, settings)
    if wave is None:
        return Report(details={"nothing_to_do": True})
    return job.run(wave, lake, KafkaLog(settings.kafka), settings)


if __name__ == "__main__":
    raise SystemExit(main("simulate_events", SimulateEventsSettings, start, doc=job.__doc__))
