"""The line that shows what happens now: rewritten in place on a terminal, printed now and then elsewhere."""

import shutil
import time
from typing import TextIO

QUIET_S = 10.0
"""Between two lines where nobody watches, such as a CI log."""


class LiveLine:
    """One line about the present, ended by a final one that stays."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.in_place = stream.isatty()
        self._next = time.monotonic() + QUIET_S

    def show(self, text: str) -> None:
        """The present state; shown when the place allows it."""
        if self.in_place:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\033[K{text[:width]}")
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + QUIET_S
            self._write(f"{text}\n")

    def end(self, text: str) -> None:
        """What stays of it."""
        self._write(f"\r\033[K{text}\n" if self.in_place else f"{text}\n")
        self._next = time.monotonic() + QUIET_S

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def duration(seconds: float) -> str:
    """0:07, 12:34, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
