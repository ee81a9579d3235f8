"""Documents in MongoDB: each is replaced as a whole, so a reader sees the old one or the new one and never a half."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Self, TypeVar

from pydantic import ValidationError
from pymongo import MongoClient, ReplaceOne, WriteConcern
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import PyMongoError

from jobs.shared.documents import ALL, FINAL_RECOMMENDATIONS, FLAT_VIEW, PUBLICATIONS, Collection
from jobs.shared.errors import StorageError
from jobs.shared.models import Model
from jobs.shared.settings import MongoSettings

BATCH = 200
"""Documents of one bulk write: a few hundred lists are about 1 MB."""
SILENCE_S = 60.0
"""How long a server that took a request may stay silent."""

FLAT_PIPELINE: list[dict[str, Any]] = [
    {"$unwind": "$recommendations"},
    {
        "$project": {
            "_id": 0,
            "user_id": "$_id",
            "recommended_episode_id": "$recommendations.recommended_episode_id",
            "score": "$recommendations.score",
            "generated_at": "$generated_at",
        }
    },
]

T = TypeVar("T")


class MongoStore:
    """Reads and writes the collections of one database; connects at the first use. `close` it, or use it in a `with`."""

    def __init__(self, settings: MongoSettings) -> None:
        self._where = f"MongoDB at {settings.uri}"
        wait_ms = int(settings.timeout_s * 1000)
        try:
            self._client: MongoClient[dict[str, Any]] = MongoClient(
                settings.uri,
                serverSelectionTimeoutMS=wait_ms,
                connectTimeoutMS=wait_ms,
                socketTimeoutMS=int(SILENCE_S * 1000),
                tz_aware=True,
                appname="earshot",
                username=settings.username,
                password=settings.password.get_secret_value() if settings.password else None,
            )
        except PyMongoError as error:
            raise StorageError(f"cannot use {self._where}: {error}") from error
        # An acknowledged document outlives a crash of the server: `publications` may only speak of such ones.
        self._database = self._client.get_database(settings.database, write_concern=WriteConcern(w="majority", j=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def get(self, collection: Collection, key: str) -> Any | None:
        found = self._run(f"read {collection.name}", lambda: self._of(collection).find_one({"_id": key}))
        if found is None:
            return None
        try:
            return collection.payload.model_validate({collection.key: found.pop("_id"), **found})
        except ValidationError as error:
            raise StorageError(f"document {key!r} of {collection.name} in {self._where} is not as declared: {error}") from error

    def keys(self, collection: Collection, limit: int) -> list[str]:
        return self._run(f"read {collection.name}", lambda: [found["_id"] for found in self._of(collection).find({}, {"_id": 1}).sort("_id", 1).limit(limit)])

    def prepare(self) -> None:
        def indexes_and_view() -> None:
            for collection in ALL:
                if collection is not PUBLICATIONS:
                    self._of(collection).create_index("edition")
            if FLAT_VIEW in self._database.list_collection_names():
                self._database.command("collMod", FLAT_VIEW, viewOn=FINAL_RECOMMENDATIONS.name, pipeline=FLAT_PIPELINE)
            else:
                self._database.command("create", FLAT_VIEW, viewOn=FINAL_RECOMMENDATIONS.name, pipeline=FLAT_PIPELINE)

        self._run("prepare the collections", indexes_and_view)

    def put(self, collection: Collection, documents: Iterable[Model]) -> int:
        count = 0
        for batch in _batches(documents):
            replacements = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in (encode(collection, value) for value in batch)]
            self._run(f"write {collection.name}", partial(self._of(collection).bulk_write, replacements, ordered=False))
            count += len(batch)
        return count

    def retire(self, collection: Collection, edition: str) -> int:
        return self._run(f"retire documents of {collection.name}", lambda: self._of(collection).delete_many({"edition": {"$ne": edition}}).deleted_count)

    def delete(self, collection: Collection, key: str) -> bool:
        return self._run(f"delete a document of {collection.name}", lambda: self._of(collection).delete_one({"_id": key}).deleted_count) > 0

    def _of(self, collection: Collection) -> MongoCollection[dict[str, Any]]:
        return self._database[collection.name]

    def _run(self, what: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except PyMongoError as error:
            # pymongo appends the whole topology to the cause.
            raise StorageError(f"cannot {what} in {self._where}: {str(error).split(', Timeout:', 1)[0]}") from error


def encode(collection: Collection, value: Model) -> dict[str, Any]:
    """The document as it is stored: the key is its `_id`."""
    fields = value.model_dump()
    return {"_id": fields.pop(collection.key), **fields}


def _batches(documents: Iterable[Model]) -> Iterator[list[Model]]:
    remaining = iter(documents)
    while batch := list(islice(remaining, BATCH)):
        yield batch
