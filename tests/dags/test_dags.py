"""The DAGs, imported by a real Airflow in an environment of its own."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from demo.order import ORDER

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-airflow" / "bin" / "python"


def test_the_dags_hold_in_airflow(tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("no Airflow: `make test` installs it into .venv-airflow")
    order = tmp_path / "order.json"
    order.write_text(json.dumps([stage.name for stage in ORDER]))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow"), "EARSHOT_TEST_ORDER": str(order)}
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", "-c", os.devnull, str(ROOT / "tests" / "dags" / "inside_airflow.py")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
