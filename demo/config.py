"""The settings of every stage on this machine, one YAML file each, in the shape that the chart mounts in a pod."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.home import JARS

Values = dict[str, Any]


@dataclass(frozen=True)
class Platform:
    """What the stages are told about this machine and this run."""

    lake: Path
    bootstrap_servers: str
    mongo_uri: str
    feeds: tuple[str, ...]
    """Feed URLs."""
    opml: tuple[Path, ...]
    allowed_hosts: tuple[str, ...]
    """Hosts that may be fetched from although their addresses are private."""
    episodes_per_feed: int
    users: int

    def storage(self, *needs: str) -> Values:
        """The sections for the adapters that a stage uses."""
        sections: Values = {
            "lake": {"uri": str(self.lake)},
            "kafka": {"bootstrap_servers": self.bootstrap_servers},
            "mongo": {"uri": self.mongo_uri},
            # Stages of a minute gain nothing from the optimising compiler: without it recommend's JVM needs 32 s of CPU instead of 68.
            "spark": {
                "master": "local[*]",
                "jars_dir": str(JARS / "spark"),
                "shuffle_partitions": 2,
                "conf": {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"},
            },
        }
        return {need: sections[need] for need in needs}


def fetch_metadata(platform: Platform) -> Values:
    return platform.storage("lake", "kafka") | {
        "feeds": list(platform.feeds),
        "opml": [str(path) for path in platform.opml],
        "episodes_per_feed": platform.episodes_per_feed,
        "http": {"allowed_hosts": list(platform.allowed_hosts)},
    }


def transcribe(platform: Platform) -> Values:
    return platform.storage("lake", "kafka") | {"http": {"allowed_hosts": list(platform.allowed_hosts)}}


def embed(platform: Platform) -> Values:
    return platform.storage("lake", "spark")


def similarity(platform: Platform) -> Values:
    return platform.storage("lake", "spark")


def simulate_events(platform: Platform) -> Values:
    return platform.storage("lake", "kafka") | {"users": platform.users}


def stream_events(platform: Platform) -> Values:
    return platform.storage("lake", "kafka", "spark")


def train_als(platform: Platform) -> Values:
    return platform.storage("lake", "spark")


def recommend(platform: Platform) -> Values:
    return platform.storage("lake", "spark")


def evaluate(platform: Platform) -> Values:
    return platform.storage("lake")


def publish(platform: Platform) -> Values:
    return platform.storage("lake", "mongo")


def maintain(platform: Platform) -> Values:
    return platform.storage("lake", "mongo")


def dashboard(platform: Platform) -> Values:
    return platform.storage("lake", "mongo")


BUILDERS: tuple[Callable[[Platform], Values], ...] = (
    fetch_metadata,
    transcribe,
    embed,
    similarity,
    simulate_events,
    stream_events,
    train_als,
    recommend,
    evaluate,
    publish,
    maintain,
    dashboard,
)


def write(platform: Platform, folder: Path) -> None:
    """One file a stage, and one for the dashboard, in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for build in BUILDERS:
        (folder / f"{build.__name__}.yaml").write_text(yaml.safe_dump(build(platform), sort_keys=False), encoding="utf-8")
