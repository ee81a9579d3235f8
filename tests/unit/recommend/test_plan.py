"""When recommend works, on which generation, and what makes room."""

from datetime import date

import pytest

from jobs.recommend import job
from jobs.recommend.settings import ListSettings, RecommendSettings
from jobs.shared import tables
from jobs.shared.generations import twin
from jobs.shared.models import Provenance
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.memory import MemoryLake
from tests.support.planted import plant
from tests.support.promoted import promote

SETTINGS = RecommendSettings(lake=LakeSettings(uri="unused"), keep_generations=1)


@pytest.fixture
def lake() -> MemoryLake:
    lake = MemoryLake()
    plant(users=4, episodes=8, days=4).write(lake)
    train(lake, "g1")
    return lake


def train(lake: MemoryLake, generation: str) -> None:
    note = {"generation": generation, "split_day": "2026-10-03"}
    provenance = Provenance(stage="train_als", settings="s", sources={}, note=note)
    lake.replace(tables.ALS_EPISODE_FACTORS, tables.ALS_EPISODE_FACTORS.empty(), provenance=provenance)


def planned(lake: MemoryLake, settings: RecommendSettings = SETTINGS) -> job.Plan:
    plan = job.plan(lake, settings)
    assert plan is not None
    return plan


def write(lake: MemoryLake, plan: job.Plan, generation: str) -> None:
    provenance = plan.provenance.model_copy(update={"note": plan.provenance.note | {"generation": generation}})
    lake.replace(tables.RECOMMENDATIONS, tables.RECOMMENDATIONS.empty(), [("generation", "=", generation)], provenance)


def test_the_split_day_of_the_training_is_that_of_the_lists(lake: MemoryLake) -> None:
    assert planned(lake).split_day == date(2026, 10, 3)


def test_half_a_generation_of_factors_makes_no_lists(lake: MemoryLake) -> None:
    train(lake, twin("g2"))
    assert job.plan(lake, SETTINGS) is None
    assert job.plan(MemoryLake(), SETTINGS) is None


def test_new_neighbours_alone_make_new_lists_of_the_same_generation(lake: MemoryLake) -> None:
    write(lake, planned(lake), "g1")
    assert job.plan(lake, SETTINGS) is None
    lake.replace(tables.SIMILARITIES, tables.SIMILARITIES.empty())
    assert planned(lake).generation == "g1"


def test_a_fetch_that_changes_no_title_makes_no_new_lists(lake: MemoryLake) -> None:
    write(lake, planned(lake), "g1")
    lake.upsert(tables.PODCASTS, lake.read(tables.PODCASTS))
    assert job.plan(lake, SETTINGS) is None


def test_other_list_settings_make_new_lists(lake: MemoryLake) -> None:
    write(lake, planned(lake), "g1")
    assert job.plan(lake, SETTINGS.model_copy(update={"lists": ListSettings(size=7)})) is not None


def test_lists_of_the_twin_alone_are_not_whole(lake: MemoryLake) -> None:
    write(lake, planned(lake), twin("g1"))
    assert job.plan(lake, SETTINGS) is not None


def test_the_live_generation_and_its_twin_never_leave(lake: MemoryLake) -> None:
    for generation, verdict in (("g1", "promoted"), ("g2", "refused"), ("g3", "refused")):
        promote(lake, generation, verdict=verdict)
        promote(lake, twin(generation), verdict="refused")
    train(lake, "g4")
    assert planned(lake).expired == ["g2", twin("g2"), "g3", twin("g3")]
