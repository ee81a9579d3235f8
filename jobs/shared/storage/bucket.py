"""The lake's bucket, by the S3 protocol."""

import uuid
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jobs.shared.errors import SettingsError, StorageError
from jobs.shared.settings import LakeSettings

TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class Bucket:
    """The bucket that an s3:// lake lies in; keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""

    def __init__(self, lake: LakeSettings) -> None:
        self.name, _, self._prefix = lake.uri.removeprefix("s3://").partition("/")
        self._region = lake.s3.region
        self._where = f"the object store at {lake.s3.endpoint_url or 'AWS'}"
        # Stores that are not AWS do not all know the checksums that newer clients send unasked.
        config = Config(
            connect_timeout=5,
            read_timeout=20,
            retries={"max_attempts": 2},
            s3={"addressing_style": "path" if lake.s3.endpoint_url else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self._client: Any = boto3.client("s3", endpoint_url=lake.s3.endpoint_url, region_name=lake.s3.region, config=config)

    def prepare(self, *, create: bool) -> bool:
        """The bucket exists; whether it was made now. StorageError where it is missing and may not be made, or the store does not answer."""
        try:
            self._client.head_bucket(Bucket=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise StorageError(f"cannot use bucket {self.name} of {self._where}: {error}") from error
        except BotoCoreError as error:
            raise StorageError(f"cannot reach {self._where}: {error}") from error
        else:
            return False
        if not create:
            raise StorageError(f"bucket {self.name} does not exist on {self._where}, and create_bucket is off")
        elsewhere = {} if self._region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        try:
            self._client.create_bucket(Bucket=self.name, **elsewhere)
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"cannot make bucket {self.name} on {self._where}: {error}") from error
        return True

    def check_conditional_put(self) -> None:
        """SettingsError where two writers could both create one object: Delta's commits would overwrite each other."""
        key = f"{self._prefix}/.conditional-put-{uuid.uuid4().hex}".lstrip("/")
        try:
            self._client.put_object(Bucket=self.name, Key=key, Body=b"first", IfNoneMatch="*")
            try:
                self._client.put_object(Bucket=self.name, Key=key, Body=b"second", IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] not in TAKEN:
                    raise
            else:
                raise SettingsError(f"{self._where} ignores If-None-Match, so two writers could overwrite each other's commits: use a store that honours it")
            finally:
                self._client.delete_object(Bucket=self.name, Key=key)
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"cannot write to bucket {self.name} of {self._where}: {error}") from error
