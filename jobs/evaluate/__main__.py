"""Builds the adapters of evaluate."""

import argparse
from datetime import UTC, datetime

from jobs.evaluate import job
from jobs.evaluate.settings import EvaluateSettings
from jobs.shared.entry import Report, main
from jobs.shared.storage.delta import DeltaLake


def start(settings: EvaluateSettings, _arguments: argparse.Namespace) -> Report:
    lake = DeltaLake(settings.lake)
    plan = job.plan(lake, settings)
    if plan is None:
        return Report(details={"nothing_to_do": True})
    return job.run(lake, plan, settings, datetime.now(UTC))


if __name__ == "__main__":
    raise SystemExit(main("evaluate", EvaluateSettings, start, doc=job.__doc__))
