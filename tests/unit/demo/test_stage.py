"""A stage as a process, with small programs in the place of stages."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from demo import stage as runner
from demo.home import ROOT
from demo.memory import Meter
from demo.order import Stage
from demo.process import members, spawn, stop
from demo.summary import table
from demo.terminal import LiveLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def program(text: str) -> list[str]:
    return [sys.executable, "-c", "import json, os, subprocess, sys, time\n" + textwrap.dedent(text)]


COUNTS = """
def say(**record): print(json.dumps(record), file=sys.stderr, flush=True)
say(message="progress", what="episodes", done=3, total=8)
print("WARN a line of the JVM, {not json", flush=True)
time.sleep(0.7)
say(message="report", stage="good", read=8, written=5, skipped=2, failed=1)
"""

GOOD, BAD, NEVER = Stage("good", "counts"), Stage("bad", "breaks"), Stage("never", "comes too late")


def run_all(stages, programs, tmp_path, stream):
    return runner.run_all(stages, lambda stage: program(programs[stage.name]), tmp_path, line=LiveLine(stream), meter=Meter())


def test_a_running_stage_shows_its_newest_progress_and_a_finished_one_its_counts(tmp_path):
    stream = Terminal()
    (outcome,) = run_all([GOOD], {"good": COUNTS}, tmp_path, stream)
    shown = stream.getvalue().split("\r\033[K")
    assert "good               0:00  episodes: 3 of 8" in shown
    assert shown[-1].endswith("counts: read 8, written 5, skipped 2, failed 1\n")
    assert outcome.exit_code == 0
    assert outcome.report["written"] == 5


def test_what_a_stage_says_to_people_is_shown_and_a_jvms_noise_is_not(tmp_path):
    talker = Stage("talker", "compares", speaks=True)
    stream = io.StringIO()
    run_all([GOOD, talker], {"good": COUNTS, "talker": 'print("ndcg@10  0.4  0.2")\nprint("{}", file=sys.stderr)'}, tmp_path, stream)
    assert "\nndcg@10  0.4  0.2\n" in stream.getvalue()
    assert "JVM" not in stream.getvalue()


def test_where_nobody_watches_nothing_is_rewritten_in_place(tmp_path):
    stream = io.StringIO()
    run_all([GOOD], {"good": COUNTS}, tmp_path, stream)
    assert stream.getvalue().count("\n") == 1
    assert "\r" not in stream.getvalue()


def test_a_failed_stage_shows_the_end_of_its_log_and_nothing_runs_after_it(tmp_path):
    stream = io.StringIO()
    programs = {"good": COUNTS, "bad": "print('the broker is away', file=sys.stderr); sys.exit(2)", "never": "raise SystemExit('ran')"}
    outcomes = run_all([GOOD, BAD, NEVER], programs, tmp_path, stream)
    assert [(outcome.name, outcome.exit_code) for outcome in outcomes] == [("good", 0), ("bad", 2)]
    assert "FAILED (exit code 2, misconfigured)" in stream.getvalue()
    assert f"{tmp_path / 'bad.log'}:\nthe broker is away\n" in stream.getvalue()
    assert not (tmp_path / "never.log").exists()


def test_a_stage_that_is_killed_says_by_what(tmp_path):
    stream = io.StringIO()
    run_all([BAD], {"bad": "os.kill(os.getpid(), 9)"}, tmp_path, stream)
    assert "FAILED (killed by SIGKILL)" in stream.getvalue()


def test_the_table_has_a_row_for_every_stage_also_for_those_that_did_not_run(tmp_path):
    outcomes = run_all([GOOD, BAD], {"good": COUNTS, "bad": "sys.exit(1)"}, tmp_path, io.StringIO())
    head, _, good, bad, never = (line.split() for line in table([GOOD, BAD, NEVER], outcomes).splitlines())
    assert head[:2] == ["stage", "status"]
    assert good[:6] == ["good", "done", "8", "5", "2", "1"]
    assert bad[:2] == ["bad", "FAILED"]
    assert never == ["never", "not", "run", "-", "-", "-", "-", "-", "-"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured from /proc")
def test_memory_is_that_of_the_whole_tree(tmp_path):
    child = "held = bytearray(os.urandom(1 << 20)) * 80; time.sleep(1.5)"
    (outcome,) = run_all([GOOD], {"good": f"subprocess.run([sys.executable, '-c', 'import os, time; {child}'])"}, tmp_path, io.StringIO())
    assert 80 < outcome.peak_mb < 160


STUBBORN_FAMILY = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(60)"])
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
time.sleep(60)
"""


def wait_for(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="sessions are read from /proc")
def test_stopping_ends_children_that_ignore_the_request_or_left_the_group(tmp_path):
    log = tmp_path / "log"
    family = spawn(program(STUBBORN_FAMILY), log)
    wait_for(lambda: "ready" in log.read_text() and len(members(family.pid)) == 3)
    stop(family, grace_s=0.2)
    wait_for(lambda: members(family.pid) == [])


RUNNER = """
import sys
from pathlib import Path
from demo import run, stage
from demo.memory import Meter
from demo.order import Stage
from demo.terminal import LiveLine
with run.ended_by_signals():
    stage.run_all([Stage("slow", "takes long")], lambda item: sys.argv[2:], Path(sys.argv[1]), line=LiveLine(sys.stdout), meter=Meter())
"""


def start_runner(tmp_path: Path) -> tuple[subprocess.Popen, int]:
    """A runner in the middle of a stage that has a child of its own, and the stage's pid."""
    stage = program("child = subprocess.Popen(['sleep', '60']); print(os.getpid(), 'started', flush=True); time.sleep(60)")
    process = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path), *stage], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    log = tmp_path / "slow.log"
    wait_for(lambda: log.exists() and "started" in log.read_text())
    return process, int(log.read_text().split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="sessions are read from /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_of_a_stage_leaves_no_process_behind(tmp_path, number):
    process, pid = start_runner(tmp_path)
    assert len(members(pid)) == 2
    process.send_signal(number)
    assert "Ended" in process.communicate(timeout=10)[1].decode()
    assert members(pid) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_stage_does_not_outlive_a_runner_that_was_killed(tmp_path):
    process, pid = start_runner(tmp_path)
    process.kill()
    process.wait()
    process.stderr.close()
    wait_for(lambda: not _alive(pid))
    for orphan in members(pid):  # `sleep` is no stage: it does not watch its parent
        os.kill(orphan, signal.SIGKILL)


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
