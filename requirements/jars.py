"""Bring a folder to exactly the jars that a list names, each with the sum that the list gives it.

A line of a list is `group:artifact:version  sha256:<hex>`. Apache Ivy, which lies in pyspark's own jars folder, does the
downloading, without following dependencies: what is not in the list does not arrive.
Exit codes: 0 the folder is as listed, 1 a download failed (try again), 2 a sum, the list or Java is wrong.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

LINE = re.compile(r"(?P<group>[\w.-]+):(?P<artifact>[\w.-]+):(?P<version>[\w.-]+)(\s+sha256:(?P<sha256>[0-9a-f]{64}))?")

TRIES = 2
"""Ivy stops at the first artefact that times out, and keeps the others, so a second try is short."""


class MisconfiguredError(Exception):
    """Nothing that a second run could repair."""


class DownloadError(Exception):
    """A second run may succeed."""


@dataclass(frozen=True)
class Jar:
    """One line of a list."""

    group: str
    artifact: str
    version: str
    sha256: str | None

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def parse(text: str) -> list[Jar]:
    """The jars of a list, in its order; empty lines and lines that start with # mean nothing."""
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise MisconfiguredError(f"line {number} is not 'group:artifact:version  sha256:<hex>': {line}")
        jars.append(Jar(match["group"], match["artifact"], match["version"], match["sha256"]))
    return jars


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ivy_jar() -> Path:
    """Apache Ivy as pyspark ships it."""
    spec = find_spec("pyspark")
    found = sorted(Path(spec.origin).parent.glob("jars/ivy-*.jar")) if spec and spec.origin else []
    if not found:
        raise MisconfiguredError("no Apache Ivy: install pyspark into the Python that runs this, or name a jar with --ivy")
    return found[-1]


def java() -> str:
    """The java command of JAVA_HOME, else of PATH."""
    home = os.environ.get("JAVA_HOME")
    command = shutil.which(str(Path(home, "bin", "java")) if home else "java")
    if command is None:
        raise MisconfiguredError("no Java: apt-get install openjdk-17-jre-headless, or make java")
    return command


def ivy_module(jars: Sequence[Jar]) -> bytes:
    """The module descriptor that asks Ivy for these jars and for nothing that they depend on."""
    module = ET.Element("ivy-module", version="2.0")
    ET.SubElement(module, "info", organisation="earshot", module="jars")
    ET.SubElement(ET.SubElement(module, "configurations"), "conf", name="default")
    dependencies = ET.SubElement(module, "dependencies")
    for jar in jars:
        ET.SubElement(dependencies, "dependency", org=jar.group, name=jar.artifact, rev=jar.version, transitive="false", conf="default->master")
    return ET.tostring(module)


def download(jars: Sequence[Jar], work: Path, ivy: Path) -> Path:
    """The folder in `work` that holds these jars, of unknown content still."""
    cache, arrived = work / "cache", work / "arrived"
    shutil.rmtree(arrived, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    descriptor, log = work / "ivy.xml", work / "ivy.log"
    descriptor.write_bytes(ivy_module(jars))
    # Ivy's default user directory is ~/.ivy2: nothing may be written outside of `work`.
    command = [java(), f"-Divy.default.ivy.user.dir={work}", "-cp", str(ivy), "org.apache.ivy.Main"]
    # Some artefacts (snappy-java) have the packaging "bundle", and are jars all the same.
    command += ["-types", "jar", "bundle", "-ivy", str(descriptor), "-cache", str(cache)]
    command += ["-retrieve", f"{arrived}/[artifact]-[revision].[ext]"]
    for _ in range(TRIES):
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
            while process.poll() is None:
                time.sleep(0.5)
                say(f"  {len(list(cache.rglob('*.jar')))} of {len(jars)} downloaded", over=True)
        if process.returncode == 0:
            break
    say("", over=True)
    for path in arrived.glob("*.bundle"):
        path.rename(path.with_suffix(".jar"))
    missing = [jar.coordinates for jar in jars if not (arrived / jar.filename).exists()]
    if missing:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise DownloadError(f"{tail}\nnot downloaded: {', '.join(missing)}")
    return arrived


def fill(listed: Sequence[Jar], folder: Path, ivy: Path | None, *, trust: bool = False) -> int:
    """The number of jars that were missing; afterwards the folder holds the listed jars and no other.

    With `trust` the sums of the list are not looked at.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {jar.filename: jar for jar in listed}
    for path in folder.glob("*.jar"):
        # Two versions of one library on a class path fail in ways that name neither.
        if path.name not in wanted:
            path.unlink()
    for jar in listed:
        if jar.sha256 is None and not trust:
            raise MisconfiguredError(f"{jar.coordinates} has no sha256")
    missing = [jar for jar in listed if not present(folder / jar.filename, None if trust else jar.sha256)]
    if not missing:
        return 0
    say(f"{folder}: {len(missing)} of {len(listed)} jars to download")
    # Beside the folder, so that an interrupted download goes on where it stopped, and a jar appears by a rename.
    work = folder.absolute().with_name(f"{folder.name}.download")
    arrived = download(missing, work, ivy or ivy_jar())
    for jar in missing:
        path = arrived / jar.filename
        if not trust and sha256(path) != jar.sha256:
            found = sha256(path)
            shutil.rmtree(work)
            raise MisconfiguredError(f"{jar.coordinates} has sha256 {found}, but the list says {jar.sha256}: removed")
        path.replace(folder / jar.filename)
    shutil.rmtree(work)
    return len(missing)


def present(path: Path, expected: str | None) -> bool:
    """Whether the file exists and, if a sum is expected, has it."""
    return path.exists() and (expected is None or sha256(path) == expected)


def with_sums(text: str, folder: Path) -> str:
    """The same list with the sums of the folder's files."""
    lines = []
    for line in text.splitlines():
        jars = parse(line)
        lines.append(f"{jars[0].coordinates}  sha256:{sha256(folder / jars[0].filename)}" if jars else line)
    return "\n".join(lines) + "\n"


def say(text: str, *, over: bool = False) -> None:
    """Tell the reader; with `over`, on a line that the next one replaces, and only where somebody watches."""
    if not over:
        print(text, flush=True)
    elif sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path, help="the list of coordinates")
    parser.add_argument("folder", type=Path, help="the folder to fill")
    parser.add_argument("--ivy", type=Path, help="the jar of Apache Ivy; default: the one in pyspark's jars folder")
    parser.add_argument("--write-sums", action="store_true", help="download without a check and write the sums into the list")
    options = parser.parse_args(arguments)
    try:
        text = options.list.read_text()
        jars = parse(text)
        new = fill(jars, options.folder, options.ivy, trust=options.write_sums)
        if options.write_sums:
            options.list.write_text(with_sums(text, options.folder))
    except (MisconfiguredError, FileNotFoundError) as error:
        print(f"{options.list}: {error}", file=sys.stderr)
        return 2
    except DownloadError as error:
        print(f"{options.list}: {error}", file=sys.stderr)
        return 1
    say(f"{options.folder}: {len(jars)} jars as listed, {new} of them new")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
