"""When train_als works, and what makes room."""

from datetime import UTC

import pyarrow as pa
import pytest

from jobs.shared import tables
from jobs.shared.generations import twin
from jobs.shared.models import Provenance
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.memory import MemoryLake
from jobs.train_als import job
from jobs.train_als.settings import TrainAlsSettings
from tests.support.planted import FIRST_DAY, listened

SETTINGS = TrainAlsSettings(lake=LakeSettings(uri="unused"))


@pytest.fixture
def lake() -> MemoryLake:
    lake = MemoryLake()
    engage(lake)
    return lake


def engage(lake: MemoryLake) -> None:
    rows = pa.Table.from_pylist([listened("u", "e", FIRST_DAY, plays=1)], schema=tables.USER_VS_EPISODE_DAILY.schema)
    lake.upsert(tables.USER_VS_EPISODE_DAILY, rows)


def planned(lake: MemoryLake, settings: TrainAlsSettings = SETTINGS) -> job.Plan:
    plan = job.plan(lake, settings)
    assert plan is not None
    return plan


def write(lake: MemoryLake, table: tables.Table, generation: str, provenance: Provenance) -> None:
    key = table.key[1]
    rows = pa.Table.from_pylist([{"generation": generation, key: "x", "factors": [1.0]}], schema=table.schema)
    lake.replace(table, rows, [("generation", "=", generation)], provenance)


def train(lake: MemoryLake, plan: job.Plan, writes: int = 4) -> None:
    """The commits of a run, cut off after `writes` of them."""
    order = [(table, name) for name in (twin(plan.generation), plan.generation) for table in (tables.ALS_USER_FACTORS, tables.ALS_EPISODE_FACTORS)]
    for table, name in order[:writes]:
        write(lake, table, name, plan.provenance_of(name, {}))


def test_without_any_engagement_there_is_nothing_to_do() -> None:
    assert job.plan(MemoryLake(), SETTINGS) is None


def test_nothing_new_is_noticed_by_version_and_settings(lake: MemoryLake) -> None:
    train(lake, planned(lake))
    assert job.plan(lake, SETTINGS) is None
    assert planned(lake, SETTINGS.model_copy(update={"alpha": 2.0})).provenance.settings != SETTINGS.model_digest
    engage(lake)
    assert job.plan(lake, SETTINGS) is not None


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
def test_a_run_that_was_killed_makes_the_same_generation_again(lake: MemoryLake, writes: int) -> None:
    train(lake, planned(lake))
    engage(lake)
    first = planned(lake)
    train(lake, first, writes)
    assert planned(lake) == first
    train(lake, planned(lake))
    assert job.plan(lake, SETTINGS) is None


def test_other_settings_on_the_same_data_make_a_newer_generation(lake: MemoryLake) -> None:
    first = planned(lake)
    train(lake, first)
    second = planned(lake, SETTINGS.model_copy(update={"rank": 8}))
    assert second.generation > first.generation


def test_only_old_generations_with_their_twins_leave(lake: MemoryLake) -> None:
    seen = []
    for rank in range(1, 6):
        settings = SETTINGS.model_copy(update={"rank": rank, "keep_generations": 2})
        plan = planned(lake, settings)
        train(lake, plan)
        seen.append(plan.generation)
    # The fake run above removes nothing, so all but the one kept beside the new one are due.
    assert plan.expired == sorted([*seen[:3], *(twin(each) for each in seen[:3])])


def test_the_generation_is_named_by_the_time_of_the_data(lake: MemoryLake) -> None:
    newest = lake.newest(tables.USER_VS_EPISODE_DAILY)
    assert newest is not None
    assert planned(lake).generation.startswith(f"{newest.committed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-")
