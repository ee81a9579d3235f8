"""Structured logs: one JSON object a line on stderr, so that `kubectl logs` and log stores can filter by field."""

import logging
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

ROOT = "earshot"


def configure(stage: str, level: str = "INFO") -> logging.Logger:
    """The stage's logger, writing JSON lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="at",
        )
    )
    logger = logging.getLogger(ROOT)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)
    return stage_logger(stage)


def stage_logger(stage: str) -> logging.Logger:
    """The logger named like the stage."""
    return logging.getLogger(f"{ROOT}.{stage}")


def progress(logger: logging.Logger, what: str, done: int, total: int | None = None, **details: Any) -> None:
    """Say how far long work has come; the local runner shows it as a live line."""
    logger.info("progress", extra={"what": what, "done": done, "total": total, **details})
