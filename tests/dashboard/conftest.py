"""The planted lake, once a run: the dashboard only reads it."""

from pathlib import Path

import pytest

from dashboard.queries.lake import Lake
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryEncoder, MemoryStore
from tests.support.planted_lake import plant, plant_documents


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> LakeSettings:
    settings = LakeSettings(uri=str(tmp_path_factory.mktemp("planted") / "lake"))
    plant(DeltaLake(settings), MemoryEncoder())
    return settings


@pytest.fixture(scope="session")
def lake(planted: LakeSettings) -> Lake:
    return Lake(planted)


@pytest.fixture
def empty(tmp_path: Path) -> Lake:
    return Lake(LakeSettings(uri=str(tmp_path / "nothing")))


@pytest.fixture
def documents() -> MemoryStore:
    store = MemoryStore()
    plant_documents(store)
    return store
