"""What the runner refuses before it starts anything, and what it tells the stages."""

import importlib
import socket

import pytest
import yaml

from demo import config
from demo.__main__ import parse
from demo.home import ROOT
from demo.order import ORDER
from demo.run import run
from demo.server import free_port
from jobs.shared.settings import StageSettings, load


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


PORTS = ("--kafka-port", "--mongo-port", "--feeds-port", "--dashboard-port")


@pytest.mark.parametrize("option", PORTS)
def test_a_taken_port_is_named_with_the_option_that_changes_it(option, taken, tmp_path, capsys):
    others = [word for other in PORTS if other != option for word in (other, str(free_port()))]
    assert run(parse([option, str(taken), *others, "--home", str(tmp_path)])) == 2
    said = capsys.readouterr().out
    assert f"port {taken} on 127.0.0.1 is taken" in said
    assert option in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--feed", "ftp://host/feed"], ["--opml", "nowhere.opml"], ["--users", "0"], ["--kafka-port", "70000"]])
def test_a_wrong_option_ends_with_exit_code_2_and_names_the_value(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert arguments[1] in capsys.readouterr().err


def test_own_feeds_replace_the_samples(tmp_path):
    lists = tmp_path / "mine.opml"
    lists.touch()
    assert parse([]).samples
    assert not parse(["--feed", "https://host/feed"]).samples
    assert not parse(["--opml", str(lists)]).samples


@pytest.fixture
def written(tmp_path):
    platform = config.Platform(tmp_path / "lake", "127.0.0.1:9", "mongodb://127.0.0.1:9", ("https://host/feed",), (), ("127.0.0.1",), 3, 5)
    config.write(platform, tmp_path)
    return tmp_path


def test_every_stage_and_the_dashboard_get_a_file_of_settings(written):
    assert {path.stem for path in written.glob("*.yaml")} == {stage.name for stage in ORDER} | {"dashboard"}
    assert yaml.safe_load((written / "publish.yaml").read_text())["mongo"] == {"uri": "mongodb://127.0.0.1:9"}


PACKAGES = [
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in sorted([*ROOT.glob("jobs/*/settings.py"), ROOT / "dashboard" / "settings.py"])
    if path.parent.name not in ("shared", "provision")
]
"""All that has settings but provision: the local platform prepares its own servers."""


@pytest.mark.parametrize("package", PACKAGES)
def test_the_file_of_settings_is_what_the_stage_accepts(package, written):
    module = importlib.import_module(f"{package}.settings")
    (model,) = (
        value for value in vars(module).values() if isinstance(value, type) and issubclass(value, StageSettings) and value.__module__ == module.__name__
    )
    load(model, written / f"{package.rpartition('.')[2]}.yaml")
