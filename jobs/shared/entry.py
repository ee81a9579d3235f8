"""The one way a stage starts and ends: arguments, settings, logs, report, exit code."""

import argparse
import inspect
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NoReturn, TypeVar

from jobs.shared import log
from jobs.shared.errors import PlatformError, SettingsError
from jobs.shared.settings import StageSettings, config_path, environment_name, fields, load

S = TypeVar("S", bound=StageSettings)


@dataclass(frozen=True)
class Report:
    """What one run did, in items of the stage's own kind; logged as one JSON line."""

    read: int = 0
    written: int = 0
    skipped: int = 0
    """Items that needed no work."""
    failed: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    """Further counts and facts, such as failures by reason."""


def main(
    stage: str,
    settings: type[S],
    start: Callable[[S, argparse.Namespace], Report],
    *,
    doc: str | None,
    arguments: Callable[[argparse.ArgumentParser], None] | None = None,
    argv: Sequence[str] | None = None,
) -> int:
    """Run one stage and return its exit code: 0 done (also: nothing to do), 1 try again, 2 misconfigured.

    `doc` is the job's contract (what it reads, writes and needs), shown by `--help` together with every setting.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m jobs.{stage}",
        description=inspect.cleandoc(doc or ""),
        epilog=describe(settings),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="YAML file with the settings below (default: $EARSHOT_CONFIG, then /etc/earshot/config.yaml)")
    parser.add_argument("--check", action="store_true", help="check the settings and end")
    if arguments is not None:
        arguments(parser)
    parsed = parser.parse_args(argv)
    logger = log.configure(stage)
    began = time.monotonic()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        values = load(settings, config_path(parsed.config))
        log.configure(stage, values.log_level)
        if parsed.check:
            logger.info("settings are valid")
            return 0
        report = start(values, parsed)
    except SettingsError as error:
        logger.error("misconfigured", extra={"error": str(error)})
        return SettingsError.exit_code
    except PlatformError as error:
        logger.error("failed, try again", extra={"error": str(error), "kind": type(error).__name__})
        return error.exit_code
    except KeyboardInterrupt:
        logger.warning("interrupted", extra={"error": "ended by a signal before it was done; run it again to continue"})
        return PlatformError.exit_code
    logger.info(
        "report",
        extra={
            "stage": stage,
            "read": report.read,
            "written": report.written,
            "skipped": report.skipped,
            "failed": report.failed,
            "elapsed_s": round(time.monotonic() - began, 2),
            **report.details,
        },
    )
    return 0


def describe(settings: type[StageSettings]) -> str:
    """One line a setting: name, type, default, meaning."""
    lines = ["settings:"]
    for name, info in fields(settings).items():
        kind = getattr(info.annotation, "__name__", None) or str(info.annotation).replace("typing.", "")
        default = "required" if info.is_required() else f"default {info.get_default(call_default_factory=True)!r}"
        if "SecretStr" in str(info.annotation):
            kind, default = "secret", f"from {environment_name(name)}"
        meaning = f"  {info.description}" if info.description else ""
        lines.append(f"  {name} ({kind}, {default}){meaning}")
    return "\n".join(lines)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    # A pod that is told to stop ends like Ctrl-C does: clean-up runs, nothing is acknowledged that was not written.
    raise KeyboardInterrupt
