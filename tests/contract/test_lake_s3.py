"""The same suite on a real S3: MinIO, started for this run."""

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from jobs.shared import tables
from jobs.shared.errors import SettingsError, StorageError
from jobs.shared.settings import LakeSettings, S3Settings
from jobs.shared.storage.delta import DeltaLake
from tests.contract.test_lake import LakeContract, attempts, vectors

BUCKET = "earshot-tests"


def minio_binary() -> str | None:
    built = Path(__file__).parents[2] / ".earshot" / "bin" / "minio"
    return os.environ.get("EARSHOT_TEST_MINIO") or (str(built) if built.exists() else shutil.which("minio"))


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running MinIO with an empty bucket; credentials are in the environment."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("no MinIO: `make minio` builds it (needs Go), or name one in EARSHOT_TEST_MINIO")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key, secret = uuid.uuid4().hex, uuid.uuid4().hex
    process = subprocess.Popen(
        [binary, "server", "--quiet", "--address", f"127.0.0.1:{port}", str(tmp_path_factory.mktemp("minio"))],
        env=os.environ | {"MINIO_ROOT_USER": key, "MINIO_ROOT_PASSWORD": secret, "MINIO_BROWSER": "off"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ACCESS_KEY_ID", key)
    patch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        deadline = time.monotonic() + 30
        while True:
            try:
                client.create_bucket(Bucket=BUCKET)
                break
            except (BotoCoreError, ClientError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield endpoint
    finally:
        patch.undo()
        process.terminate()
        process.wait(10)


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
