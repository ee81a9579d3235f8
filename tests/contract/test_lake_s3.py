"""The same suite on a real S3: MinIO, started for this run."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs.shared import tables
from jobs.shared.errors import SettingsError, StorageError
from jobs.shared.settings import LakeSettings, S3Settings
from jobs.shared.storage.delta import DeltaLake
from tests.contract.test_lake import LakeContract, attempts, vectors
from tests.support.object_store import BUCKET


@pytest.fixture
def settings(minio: str) -> LakeSettings:
    return LakeSettings(uri=f"s3://{BUCKET}/{uuid.uuid4().hex}", s3=S3Settings(endpoint_url=minio))


@pytest.fixture
def lake(settings: LakeSettings) -> DeltaLake:
    return DeltaLake(settings)


class TestLakeOnS3(LakeContract):
    pass


def test_concurrent_writers_lose_nothing(settings: LakeSettings) -> None:
    def write(number: int) -> None:
        DeltaLake(settings).append(tables.TRANSCRIPTION_ATTEMPTS, attempts(f"outcome-{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    outcomes = DeltaLake(settings).read(tables.TRANSCRIPTION_ATTEMPTS)["outcome"].to_pylist()
    assert sorted(outcomes) == sorted(f"outcome-{number}" for number in range(12))


def test_concurrent_upserts_of_one_table_all_arrive(settings: LakeSettings) -> None:
    DeltaLake(settings).create(tables.EPISODE_VECTORS)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda name: DeltaLake(settings).upsert(tables.EPISODE_VECTORS, vectors(**{name: 1.0})), ["a", "b", "c"]))
    assert sorted(DeltaLake(settings).read(tables.EPISODE_VECTORS)["episode_id"].to_pylist()) == ["a", "b", "c"]


def test_a_store_that_is_down_is_named_within_seconds(settings: LakeSettings) -> None:
    down = LakeSettings(uri=settings.uri, s3=S3Settings(endpoint_url="http://127.0.0.1:9"))
    began = time.monotonic()
    with pytest.raises(StorageError, match="episode_vectors"):
        DeltaLake(down).upsert(tables.EPISODE_VECTORS, vectors(a=1))
    assert time.monotonic() - began < 30


def test_missing_keys_are_a_misconfiguration(settings: LakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID"):
        DeltaLake(settings)
