"""The same questions to a lake on a real object store: MinIO, started for this run."""

import uuid

import pytest

from dashboard.queries import live, pipeline, producers, search
from dashboard.queries.lake import Lake
from jobs.shared import tables
from jobs.shared.errors import StorageError
from jobs.shared.settings import LakeSettings, S3Settings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryEncoder
from tests.support import planted_lake as story
from tests.support.object_store import BUCKET


@pytest.fixture
def settings(minio: str) -> LakeSettings:
    return LakeSettings(uri=f"s3://{BUCKET}/{uuid.uuid4().hex}", s3=S3Settings(endpoint_url=minio))


def test_a_lake_on_s3_answers_like_a_folder(settings: LakeSettings, lake: Lake) -> None:
    story.plant(DeltaLake(settings), MemoryEncoder())
    remote = Lake(settings)
    assert live.totals(remote, live.window(remote, 60)) == live.totals(lake, live.window(lake, 60))
    assert producers.shows(remote) == producers.shows(lake)
    assert search.by_words(remote, ["cinnamon"], 5) == search.by_words(lake, ["cinnamon"], 5)
    assert pipeline.state(remote, tables.USER_EVENTS).rows == len(list(story.acts()))
    assert not remote.exists(tables.RECOMMENDATIONS)


def test_refused_keys_are_an_outage_and_no_empty_table(settings: LakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StorageError, match=r"s3://"):
        producers.shows(Lake(settings))
