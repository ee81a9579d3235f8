"""The table at the end of a run."""

from collections.abc import Sequence

from demo.order import Stage
from demo.stage import COUNTS, Outcome

HEAD = ("stage", "status", *COUNTS, "seconds", "peak MB")
TEXT_COLUMNS = 2
"""These stand left; numbers stand right."""


def table(stages: Sequence[Stage], outcomes: Sequence[Outcome]) -> str:
    """One row a stage, those that did not run included."""
    ran = {outcome.name: outcome for outcome in outcomes}
    rows = [HEAD, *(_row(stage, ran.get(stage.name)) for stage in stages)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "  ".join(cell.ljust(width) if column < TEXT_COLUMNS else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _row(stage: Stage, outcome: Outcome | None) -> tuple[str, ...]:
    if outcome is None:
        return (stage.name, "not run", *("-" for _ in HEAD[TEXT_COLUMNS:]))
    counts = ("-" if outcome.count(name) is None else f"{outcome.count(name):,}" for name in COUNTS)
    return (stage.name, outcome.status, *counts, f"{outcome.seconds:.1f}", f"{outcome.peak_mb:,.0f}" if outcome.peak_mb else "-")
