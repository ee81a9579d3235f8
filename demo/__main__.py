"""`python -m demo`: the whole platform on this machine (make demo sets up what it needs)."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from demo.feeds import DEFAULT_PORT
from demo.home import ROOT, Home
from demo.run import Options, run


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; a wrong one ends the program with exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Run the whole platform on this machine, a stage after the other, then the dashboard.")
    add = parser.add_argument
    add("--feed", metavar="URL", action="append", default=[], type=_feed, help="a feed instead of the samples; may be repeated")
    add("--opml", metavar="FILE", action="append", default=[], type=_file, help="a list of feeds instead of the samples; may be repeated")
    add("--allow-host", metavar="NAME", action="append", default=[], help="fetch from this host although its address is private; may be repeated")
    add("--no-dashboard", action="store_true", help="end after the last stage")
    add("--episodes", metavar="N", type=_positive, default=25, help="newest episodes of each feed (default: %(default)s)")
    add("--users", metavar="N", type=_positive, default=200, help="simulated listeners (default: %(default)s)")
    add("--home", metavar="DIR", type=Path, default=ROOT / ".earshot", help="where data, settings and logs are kept (default: .earshot)")
    add("--kafka-port", metavar="PORT", type=_port, default=19092, help="default: %(default)s")
    add("--mongo-port", metavar="PORT", type=_port, default=27117, help="default: %(default)s")
    add("--feeds-port", metavar="PORT", type=_port, default=DEFAULT_PORT, help="default: %(default)s")
    add("--dashboard-port", metavar="PORT", type=_port, default=8501, help="default: %(default)s")
    chosen = parser.parse_args(arguments)
    return Options(
        feeds=tuple(chosen.feed),
        opml=tuple(chosen.opml),
        allowed_hosts=tuple(chosen.allow_host),
        dashboard=not chosen.no_dashboard,
        episodes_per_feed=chosen.episodes,
        users=chosen.users,
        home=Home(chosen.home.absolute()),
        kafka_port=chosen.kafka_port,
        mongo_port=chosen.mongo_port,
        feeds_port=chosen.feeds_port,
        dashboard_port=chosen.dashboard_port,
    )


def _feed(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text


def _file(text: str) -> Path:
    path = Path(text).absolute()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"no file {text}")
    return path


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(run(parse()))
