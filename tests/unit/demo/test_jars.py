"""The folder of jars: what the list says, and nothing else."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.home import ROOT

IVY = """#!/bin/sh
# Stands for Java with Ivy: every artefact that the descriptor names arrives, and holds its own name.
while [ $# -gt 0 ]; do
  case "$1" in -ivy) ivy=$2;; -retrieve) to=${2%/*};; esac
  shift
done
mkdir -p "$to"
sed 's/<dependency /\\n&/g' "$ivy" | sed -n 's/.*name="\\([^"]*\\)" rev="\\([^"]*\\)".*/\\1-\\2/p' | while read -r jar || [ -n "$jar" ]; do
  printf %s "$jar" > "$to/$jar.jar"
done
"""


def sum_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def fill(tmp_path):
    home = tmp_path / "java"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text(IVY)
    (home / "bin" / "java").chmod(0o755)
    (tmp_path / "ivy.jar").touch()

    def fill(lines: str, *, java: Path = home, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        (tmp_path / "list.txt").write_text(lines)
        command = [sys.executable, str(ROOT / "requirements" / "jars.py"), str(tmp_path / "list.txt"), str(tmp_path / "jars")]
        command += ["--ivy", str(tmp_path / "ivy.jar"), *options]
        return subprocess.run(command, env={**os.environ, "JAVA_HOME": str(java)}, capture_output=True, text=True, check=False)

    return fill


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def test_the_folder_holds_the_listed_jars_and_no_older_version(fill, tmp_path):
    assert fill(f"# ours\norg.a:a:1.0  sha256:{sum_of('a-1.0')}\n").returncode == 0
    assert fill(f"org.a:a:1.1  sha256:{sum_of('a-1.1')}\norg.b:b:2  sha256:{sum_of('b-2')}\n").returncode == 0
    assert names(tmp_path / "jars") == ["a-1.1.jar", "b-2.jar"]
    assert names(tmp_path) == ["ivy.jar", "jars", "java", "list.txt"]


def test_a_jar_with_another_sum_is_refused_named_and_removed(fill, tmp_path):
    result = fill(f"org.a:a:1.0  sha256:{sum_of('a-1.0')}\norg.b:b:2  sha256:{'0' * 64}\n")
    assert result.returncode == 2
    assert "org.b:b:2 has sha256 " + sum_of("b-2") in result.stderr
    assert "b-2.jar" not in names(tmp_path / "jars")


def test_a_jar_that_was_changed_in_the_folder_is_fetched_again(fill, tmp_path):
    lines = f"org.a:a:1.0  sha256:{sum_of('a-1.0')}\n"
    fill(lines)
    (tmp_path / "jars" / "a-1.0.jar").write_text("something else")
    assert fill(lines).returncode == 0
    assert (tmp_path / "jars" / "a-1.0.jar").read_text() == "a-1.0"


def test_a_complete_folder_needs_no_java(fill, tmp_path):
    lines = f"org.a:a:1.0  sha256:{sum_of('a-1.0')}\n"
    fill(lines)
    assert fill(lines, java=tmp_path / "nowhere").returncode == 0
    assert "make java" in fill(lines + f"org.b:b:2  sha256:{sum_of('b-2')}\n", java=tmp_path / "nowhere").stderr


def test_a_list_without_a_sum_is_refused_until_the_sums_are_written(fill, tmp_path):
    assert fill("# why\norg.a:a:1.0\n").returncode == 2
    assert fill("# why\norg.a:a:1.0\n", options=("--write-sums",)).returncode == 0
    assert (tmp_path / "list.txt").read_text() == f"# why\norg.a:a:1.0  sha256:{sum_of('a-1.0')}\n"


def test_a_line_that_is_no_coordinate_is_refused_with_its_number(fill):
    result = fill(f"org.a:a:1.0  sha256:{sum_of('a-1.0')}\norg.b b 2\n")
    assert result.returncode == 2
    assert "line 2" in result.stderr


def test_an_artefact_that_does_not_arrive_is_named_and_may_be_tried_again(fill, tmp_path):
    broken = tmp_path / "broken"
    (broken / "bin").mkdir(parents=True)
    (broken / "bin" / "java").write_text("#!/bin/sh\necho no route to the registry\nexit 1\n")
    (broken / "bin" / "java").chmod(0o755)
    result = fill(f"org.a:a:1.0  sha256:{sum_of('a-1.0')}\n", java=broken)
    assert result.returncode == 1
    assert "no route to the registry" in result.stderr
    assert "not downloaded: org.a:a:1.0" in result.stderr
