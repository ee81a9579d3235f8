"""The whole platform on one machine: servers up, every stage in order, dashboard, and everything down again."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from demo import config, stage, summary
from demo.errors import DemoError
from demo.feeds import sample_feed_urls
from demo.home import Home
from demo.http import Dashboard, FeedServer
from demo.kafka import TopicsBroker
from demo.memory import Meter
from demo.mongo import MongoServer
from demo.order import ORDER
from demo.server import HOST, Server, tail
from demo.terminal import LiveLine, duration

ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass(frozen=True)
class Options:
    """What the person at the terminal chose."""

    feeds: tuple[str, ...]
    opml: tuple[Path, ...]
    allowed_hosts: tuple[str, ...]
    dashboard: bool
    episodes_per_feed: int
    users: int
    home: Home
    kafka_port: int
    mongo_port: int
    feeds_port: int
    dashboard_port: int

    @property
    def samples(self) -> bool:
        """Whether the sample feeds are the input: where no other was named."""
        return not self.feeds and not self.opml


class Ended(BaseException):
    """A signal asked the run to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Signals become `Ended` inside, so that what was started is stopped on the way out, undisturbed by further ones."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        raise Ended(number)

    before = {ending: signal.signal(ending, end) for ending in ENDINGS}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


def run(options: Options) -> int:
    """Exit code: 0 done, a failed stage's own, 128 and the signal's number when one ended the run before it was done."""
    line = LiveLine(sys.stdout)
    done = False
    try:
        with ended_by_signals(), ExitStack() as stack:
            servers = _start(options, line, stack)
            code = _stages(options, servers, line, stack)
            done = True
            if code == 0 and options.dashboard:
                _wait(servers)
            return code
    except DemoError as error:
        line.end(f"{error}")
        return error.exit_code
    except Ended as ended:
        line.end(f"ended by {signal.Signals(ended.number).name}, all that was started is stopped")
        return 0 if done else 128 + ended.number


@dataclass(frozen=True)
class Servers:
    """The servers of one run."""

    kafka: TopicsBroker
    mongo: MongoServer
    feeds: FeedServer
    dashboard: Dashboard

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [server.process.pid for server in self.all() if server.process is not None]

    def all(self) -> tuple[Server, ...]:
        return (self.kafka, self.mongo, self.feeds, self.dashboard)


def _start(options: Options, line: LiveLine, stack: ExitStack) -> Servers:
    home = options.home
    servers = Servers(
        TopicsBroker(options.kafka_port, home.data / "kafka", home.logs / "kafka.log"),
        MongoServer(options.mongo_port, home.data / "mongo", home.logs / "mongo.log"),
        FeedServer(options.feeds_port, home.logs / "feeds.log"),
        Dashboard(options.dashboard_port, home.logs / "dashboard.log", home.config / "dashboard.yaml"),
    )
    now: list[Server] = [servers.kafka, servers.mongo]
    if options.samples:
        now.append(servers.feeds)
    # What is missing or taken is said before anything starts, not minutes later when its turn comes.
    needed = (*now, servers.dashboard) if options.dashboard else now
    for server in needed:
        server.check_port()
    for server in needed:
        server.command()
    began = time.monotonic()
    for server in now:
        server.log.unlink(missing_ok=True)
        stack.callback(server.stop)
        server.start()
    for server in now:
        line.show(f"{server.title} starts")
        server.ready()
        line.end(f"{server.title} answers on 127.0.0.1:{server.port} after {time.monotonic() - began:.1f} s")
    return servers


def _stages(options: Options, servers: Servers, line: LiveLine, stack: ExitStack) -> int:
    platform = config.Platform(
        lake=options.home.lake,
        bootstrap_servers=servers.kafka.bootstrap_servers,
        mongo_uri=servers.mongo.uri,
        feeds=tuple(sample_feed_urls(servers.feeds.url)) if options.samples else options.feeds,
        opml=options.opml,
        # The sample feeds are served on this machine; every other private address stays refused.
        allowed_hosts=(*options.allowed_hosts, HOST) if options.samples else options.allowed_hosts,
        episodes_per_feed=options.episodes_per_feed,
        users=options.users,
    )
    config.write(platform, options.home.config)
    meter = Meter()
    began = time.monotonic()
    outcomes = stage.run_all(
        ORDER,
        lambda item: [sys.executable, "-m", f"jobs.{item.name}", "--config", str(options.home.config / f"{item.name}.yaml"), *item.arguments],
        options.home.logs,
        line=line,
        meter=meter,
        others=servers.pids,
    )
    seconds = time.monotonic() - began
    code = outcomes[-1].exit_code
    if code == 0 and options.dashboard:
        servers.dashboard.log.unlink(missing_ok=True)
        stack.callback(servers.dashboard.stop)
        servers.dashboard.start()
        line.show("the dashboard starts")
        servers.dashboard.ready()
        meter.sample(servers.pids)
    line.end(f"\n{summary.table(ORDER, outcomes)}\n")
    line.end(f"total: {duration(seconds)}, at most {meter.peak_mb:,.0f} MB of memory at one time, servers included; logs in {options.home.logs}")
    if code == 0 and options.dashboard:
        line.end(f"dashboard: {servers.dashboard.url} (Ctrl-C stops everything)")
    return code if code >= 0 else 128 - code


def _wait(servers: Servers) -> None:
    running = [server for server in servers.all() if server.process is not None]
    while all(server.alive() for server in running):
        time.sleep(0.5)
    ended = next(server for server in running if not server.alive())
    raise DemoError(f"{ended.title} ended by itself. The end of {ended.log}:\n{tail(ended.log)}")
