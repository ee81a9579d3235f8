"""A server of the local platform: started as a process, waited for until it answers, stopped."""

import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from demo import process
from demo.errors import DemoError, PortTakenError

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def listening(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


class Server(ABC):
    """One server on a port of 127.0.0.1. Starting it again on the same data continues with them."""

    title: str
    option: str
    """The runner's option that moves it to another port."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line; SetupError where something is missing."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does its work now."""

    def environment(self) -> Mapping[str, str]:
        """Variables that the process gets beside those of this one."""
        return {}

    def prepare(self) -> None:  # noqa: B027 - most servers need nothing
        """Make what must be there before a start."""

    def check_port(self) -> None:
        """PortTakenError where another program has the port."""
        if listening(self.port):
            raise PortTakenError(
                f"port {self.port} on {HOST} is taken, and {self.title} needs it: "
                f"stop the program that listens there, or choose another port with {self.option}"
            )

    def start(self) -> None:
        """Start it; `ready` waits for it."""
        self.check_port()
        command = self.command()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self.process = process.spawn(command, self.log, self.environment())

    def ready(self, timeout_s: float = 90.0) -> None:
        """Return as soon as it answers; DemoError, with the log's end, if it ends or stays silent for `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while not (listening(self.port) and self.answers()):
            if not self.alive():
                raise DemoError(f"{self.title} did not start. The end of {self.log}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise DemoError(f"{self.title} does not answer on port {self.port} after {timeout_s:.0f} s. The end of {self.log}:\n{tail(self.log)}")
            time.sleep(0.1)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """End it, and return when it is gone."""
        if self.process is not None:
            process.stop(self.process)
            self.process = None

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.start()
            self.ready()
            undo.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def serve(server: Server) -> int:
    """Run one server in the foreground until Ctrl-C or SIGTERM; exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with server:
            print(f"{server.title} listens on {HOST}:{server.port}, log {server.log}", flush=True)
            while server.alive():
                time.sleep(0.2)
    except DemoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    print(f"{server.title} ended by itself. The end of {server.log}:\n{tail(server.log)}", file=sys.stderr)
    return DemoError.exit_code
