"""A real object store for tests: MinIO, started for one run on data of its own."""

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

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
