"""The Java that runs the broker and Spark: 17 or newer, from JAVA_HOME, from PATH, or the repository's own.

`python -m demo.java` prints its home, or says how to get one.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from demo.errors import SetupError
from demo.home import ROOT

OLDEST = 17
"""Spark 4 and Kafka 4 refuse anything older."""


def homes() -> Iterator[Path]:
    """Every folder that may be a Java home, the most deliberate choice first."""
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    command = shutil.which("java")
    if command:
        yield Path(command).resolve().parent.parent
    # cjdk puts the JDK into a folder of its own naming; on macOS that is a bundle with the home inside.
    yield from sorted(path.parent.parent for path in (ROOT / ".earshot" / "java").glob("**/bin/java"))


def major(home: Path) -> int | None:
    """The major version of the Java in this folder, None where there is no working one."""
    try:
        result = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', result.stderr)
    return int(match[1]) if match else None


def home() -> Path:
    """The home of the first Java that is new enough; SetupError says what was found instead, and how to get one."""
    seen = []
    for candidate in homes():
        version = major(candidate)
        if version is not None and version >= OLDEST:
            return candidate
        seen.append(f"{candidate} ({'does not run' if version is None else f'Java {version}'})")
    found = f"found only {', '.join(seen)}" if seen else "found none in JAVA_HOME, PATH and .earshot/java"
    raise SetupError(f"Java {OLDEST} or newer is needed, {found}.\nGet it with 'apt-get install openjdk-17-jre-headless', or with 'make java'.")


if __name__ == "__main__":
    try:
        print(home())
    except SetupError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from error
