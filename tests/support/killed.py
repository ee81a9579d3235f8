"""Run a stage that kills itself, as `kill -9` would, before or after it calls a method: for tests of what is left then.

python tests/support/killed.py STAGE MODULE:CLASS.METHOD[:TABLE] before|after [arguments of the stage]
With `never` it runs to its end and prints which engines it has loaded.
"""

import importlib
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

ENGINES = ("pyspark", "torch", "onnxruntime", "faster_whisper", "ctranslate2", "sklearn", "sentence_transformers")


def plant(point: str, when: str) -> None:
    module, path, *table = point.split(":")
    name, method = path.split(".")
    owner = getattr(importlib.import_module(module), name)
    original = getattr(owner, method)

    def call(*arguments: Any, **options: Any) -> Any:
        # Only a call that has something to write counts.
        hit = not table or (arguments[1].name == table[0] and arguments[2].num_rows)
        if hit and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if hit:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method, call)


if __name__ == "__main__":
    stage, point, when, *rest = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parents[2]))
    if when != "never":
        plant(point, when)
    sys.argv = [stage, *rest]
    try:
        runpy.run_module(f"jobs.{stage}", run_name="__main__")
    finally:
        print("engines:", *(engine for engine in ENGINES if engine in sys.modules))  # noqa: T201
