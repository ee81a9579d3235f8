"""One stage as a process: followed through its log, measured, ended with whoever waits for it."""

import json
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo import process
from demo.memory import Meter
from demo.order import Stage
from demo.server import tail
from demo.terminal import LiveLine, duration

LOOK_S = 0.25
"""Between two looks at a running stage."""

MEASURE_EVERY = 4
"""Looks between two measurements of memory, which cost a few milliseconds each."""

MOST_LINES_SHOWN = 40
"""Of what a stage says to people."""

COUNTS = ("read", "written", "skipped", "failed")


@dataclass(frozen=True)
class Outcome:
    """How a stage ended, and the report that it gave."""

    name: str
    exit_code: int
    seconds: float
    peak_mb: float
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return "done" if self.exit_code == 0 else "FAILED"

    def count(self, name: str) -> int | None:
        """One number of the report, None where there was no report."""
        return self.report.get(name)


def meaning(exit_code: int) -> str:
    """What an exit code says, in words."""
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return {1: "exit code 1, a second run may succeed", 2: "exit code 2, misconfigured"}.get(exit_code, f"exit code {exit_code}")


class LogFollower:
    """The newest progress and the report in a log that is still being written."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.progress: dict[str, Any] = {}
        self.report: dict[str, Any] = {}
        self.spoken: deque[str] = deque(maxlen=MOST_LINES_SHOWN)
        self._offset = 0

    def read(self) -> None:
        """Take in the lines that were completed since the last call; lines that are not JSON are a JVM's, or a text for people."""
        if not self.log.exists():
            return
        with self.log.open("rb") as file:
            file.seek(self._offset)
            complete = file.read().rpartition(b"\n")[0]
        if not complete:
            return
        self._offset += len(complete) + 1
        for line in complete.splitlines():
            self._take(line)

    def _take(self, line: bytes) -> None:
        if not line.startswith(b"{"):
            self.spoken.append(line.decode(errors="replace"))
            return
        try:
            record = json.loads(line)
        except ValueError:
            return
        if record.get("message") == "progress":
            self.progress = record
        elif record.get("message") == "report":
            self.report = record

    def describe(self) -> str:
        """The newest progress in words, empty before the first."""
        if not self.progress:
            return ""
        total = self.progress.get("total")
        return f"{self.progress.get('what')}: {self.progress.get('done')}" + (f" of {total}" if total is not None else "")


def run(stage: Stage, command: Sequence[str], log: Path, *, line: LiveLine, meter: Meter, others: Collection[int] = ()) -> Outcome:
    """Run one stage to its end, in its own process group, with a live line; `others` are measured together with it."""
    log.unlink(missing_ok=True)
    began = time.monotonic()
    child = process.spawn(command, log)
    follower = LogFollower(log)
    try:
        looks = 0
        while not _ended(child):
            if looks % MEASURE_EVERY == 0:
                meter.sample([*others, child.pid])
            looks += 1
            follower.read()
            line.show(f"{stage.name:<16} {duration(time.monotonic() - began):>6}  {follower.describe() or stage.does}")
    finally:
        process.stop(child)
    follower.read()
    outcome = Outcome(stage.name, child.returncode, time.monotonic() - began, meter.peaks_mb.get(child.pid, 0.0), follower.report)
    line.end(f"{stage.name:<16} {duration(outcome.seconds):>6}  {stage.does}: {_last_words(outcome)}")
    if stage.speaks and follower.spoken:
        line.end("\n" + "\n".join(follower.spoken) + "\n")
    if outcome.exit_code != 0:
        line.end(f"\nThe end of {log}:\n{tail(log)}\n")
    return outcome


def run_all(
    stages: Sequence[Stage],
    command: Callable[[Stage], Sequence[str]],
    logs: Path,
    *,
    line: LiveLine,
    meter: Meter,
    others: Collection[int] = (),
) -> list[Outcome]:
    """Run the stages one after the other up to the first that fails; the outcomes, in order."""
    outcomes = []
    for stage in stages:
        outcomes.append(run(stage, command(stage), logs / f"{stage.name}.log", line=line, meter=meter, others=others))
        if outcomes[-1].exit_code != 0:
            break
    return outcomes


def _ended(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(LOOK_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _last_words(outcome: Outcome) -> str:
    if outcome.exit_code != 0:
        return f"FAILED ({meaning(outcome.exit_code)})"
    return ", ".join(f"{name} {outcome.count(name)}" for name in COUNTS if outcome.count(name) is not None) or outcome.status
