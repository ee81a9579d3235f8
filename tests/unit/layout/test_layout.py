"""Every stage is one room with the same furniture, and the walls between rooms hold."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STAGES = sorted(path.name for path in (ROOT / "jobs").iterdir() if path.is_dir() and path.name not in ("shared", "__pycache__"))
FILES = ("README.md", "__init__.py", "__main__.py", "settings.py", "core.py", "job.py")
HEAVY = ("pyspark", "torch", "onnxruntime", "faster_whisper", "ctranslate2", "sklearn", "sentence_transformers")


def test_the_stages_are_those_of_the_design() -> None:
    from demo.order import ORDER

    assert {stage.name for stage in ORDER} | {"provision"} == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("file", FILES)
def test_every_stage_has_its_files(stage: str, file: str) -> None:
    assert (ROOT / "jobs" / stage / file).is_file()


def test_imports_keep_the_contracts() -> None:
    result = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]


@pytest.mark.parametrize("stage", STAGES)
def test_help_explains_a_stage_without_loading_an_engine(stage: str) -> None:
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('jobs.{stage}', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for word in ("reads", "writes", "settings:"):
        assert word in result.stdout.lower()


def modules() -> list[Path]:
    return [path for folder in ("jobs", "dashboard", "demo") for path in (ROOT / folder).rglob("*.py")]


def test_nothing_catches_every_exception() -> None:
    caught = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    ]
    assert caught == []
