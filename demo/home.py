"""Where the local platform keeps what it makes: one ignored folder of the repository, or the one chosen with --home."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

JARS = ROOT / ".earshot" / "jars"
"""Fetched once (`make jars`), whatever the data's home is."""

MONGO_VENV = ROOT / ".venv-mongo"
"""The environment of the embedded Mongo-wire server, apart from everything that Earshot imports."""


@dataclass(frozen=True)
class Home:
    """The folders of one local platform."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def data(self) -> Path:
        """All that `make clean-data` forgets."""
        return self.path / "data"

    @property
    def lake(self) -> Path:
        return self.data / "lake"
