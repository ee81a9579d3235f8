"""Cues written as the four transcript formats that podcast feeds use."""

import json
import textwrap
from itertools import groupby

from demo.samples.cues import Cue

LINE_CHARS = 65
"""Width that Podcasting 2.0 advises for captions."""

MEDIA_TYPES = {"vtt": "text/vtt", "srt": "application/srt", "json": "application/json", "txt": "text/plain"}


def transcript(cues: list[Cue], suffix: str) -> str:
    """The whole file: `vtt`, `srt`, `json` or `txt`."""
    return {"vtt": _vtt, "srt": _srt, "json": _json, "txt": _plain}[suffix](cues)


def _vtt(cues: list[Cue]) -> str:
    """The voice is named where it changes; a cue without one goes on with the last."""
    blocks = ["WEBVTT"]
    for cue, changed in _with_changes(cues):
        lines = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in _lines(cue.text)]
        voice = f"<v {cue.speaker}>" if changed else ""
        blocks.append(f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{voice}" + "\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _srt(cues: list[Cue]) -> str:
    """The speaker stands before the text, with a colon, where it changes."""
    blocks = []
    for number, (cue, changed) in enumerate(_with_changes(cues), start=1):
        text = f"{cue.speaker}: {cue.text}" if changed else cue.text
        blocks.append(f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n" + "\n".join(_lines(text)))
    return "\n\n".join(blocks) + "\n"


def _json(cues: list[Cue]) -> str:
    segments = [{"speaker": cue.speaker, "startTime": round(cue.start_s, 3), "endTime": round(cue.end_s, 3), "body": cue.text} for cue in cues]
    return json.dumps({"version": "1.0.0", "segments": segments}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _plain(cues: list[Cue]) -> str:
    turns = groupby(cues, key=lambda cue: cue.speaker)
    return "\n\n".join(f"{speaker}: {' '.join(cue.text for cue in turn)}" for speaker, turn in turns) + "\n"


def _with_changes(cues: list[Cue]) -> list[tuple[Cue, bool]]:
    previous = [None, *(cue.speaker for cue in cues)]
    return [(cue, cue.speaker != before) for cue, before in zip(cues, previous, strict=False)]


def _lines(text: str) -> list[str]:
    return textwrap.wrap(text, LINE_CHARS, break_long_words=False, break_on_hyphens=False)


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
