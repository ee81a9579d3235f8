"""Processes that end with the one that started them, however that ends."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from demo.home import ROOT

PR_SET_PDEATHSIG = 1

KILL_S = 5.0
"""How long the kernel may take to free a killed process, which is long only for one stuck in a disk."""


def spawn(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """The command in a process group of its own, from the repository's folder, its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - it makes system calls alone, and takes no lock
        )


def _die_with_parent() -> Callable[[], None] | None:
    """What a child does first on Linux: ask the kernel to kill it when the starter dies, since a starter that got SIGKILL can stop nobody.

    A process that the child starts is not covered; Spark's JVM ends by itself when its Python closes the pipe between them.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def die_with_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    return die_with_parent


def stop(process: subprocess.Popen[bytes], grace_s: float = 15.0) -> None:
    """End the process and all that it started: asked first, killed after `grace_s` seconds."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    # The leader may be gone while its children are not, and Spark's Python workers leave the group, but not the session.
    _signal_group(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + KILL_S
    while (left := members(process.pid)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    process.wait()


def members(leader: int) -> list[int]:
    """Every living process of the session that `leader` began, itself included; empty where there is no /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in parentheses may hold anything; behind it stand state, parent, group and session.
            state, _, _, session = entry.read_text(errors="replace").rpartition(")")[2].split()[:4]
            if int(session) == leader and state not in "ZX":
                found.append(int(entry.parent.name))
    return found


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, number)
