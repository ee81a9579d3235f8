import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.shared import tables
from jobs.shared.models import EventKind, UserEvent
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryLake, MemoryTopics
from jobs.stream_events import core
from jobs.stream_events.job import EventSink

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture(params=["memory", "delta"])
def lake(request, tmp_path: Path):
    return MemoryLake() if request.param == "memory" else DeltaLake(LakeSettings(uri=str(tmp_path)))


def listening(user: str, start: dt.datetime) -> list[bytes]:
    acts = [(EventKind.PLAY, 0, 0.0), (EventKind.PAUSE, 70, 70.0), (EventKind.PLAY, 100, 70.0), (EventKind.COMPLETE, 500, 470.0), (EventKind.LIKE, 501, 470.0)]
    return [
        UserEvent(event_id=f"{user}-{number}", user_id=user, episode_id="ep", kind=kind, position_s=position_s, ts=start + dt.timedelta(seconds=after_s))
        .model_dump_json()
        .encode()
        for number, (kind, after_s, position_s) in enumerate(acts)
    ]


def batch(values: list[bytes], first_offset: int = 0) -> pa.Table:
    schema = pa.schema([("value", pa.binary()), ("partition", pa.int32()), ("offset", pa.int64()), ("timestamp", pa.timestamp("us", tz="UTC"))])
    rows = [{"value": value, "partition": 0, "offset": first_offset + number, "timestamp": NOON + dt.timedelta(hours=1)} for number, value in enumerate(values)]
    records = pa.Table.from_pylist(rows, schema=schema).to_batches()
    return pa.Table.from_batches(core.parse(records, late=dt.timedelta(days=30), future=dt.timedelta(minutes=5)))


def sink(lake, topics: MemoryTopics | None = None) -> EventSink:
    return EventSink(lake, topics or MemoryTopics(), lambda: "query-1")


def contents(lake) -> tuple[list[dict], list[dict]]:
    events = sorted(lake.read(tables.USER_EVENTS).to_pylist(), key=lambda row: row["event_id"])
    return events, sorted(lake.read(tables.USER_VS_EPISODE_DAILY).to_pylist(), key=lambda row: (row["user_id"], row["day"]))


def test_a_batch_that_is_written_twice_is_stored_once(lake) -> None:
    parsed = batch(listening("u", NOON) + listening("v", NOON - dt.timedelta(days=3)))
    sink(lake).write(parsed, 0)
    once = contents(lake)
    again = sink(lake)
    again.write(parsed, 0)
    assert contents(lake) == once
    assert (again.counts.read, again.counts.written, again.counts.duplicates) == (10, 0, 10)
    assert [(row["user_id"], row["plays"], row["listened_s"]) for row in once[1]] == [("u", 2, 470.0), ("v", 2, 470.0)]


def test_an_event_that_comes_again_in_the_same_or_in_a_later_batch_is_stored_once(lake) -> None:
    values = listening("u", NOON)
    stream = sink(lake)
    stream.write(batch(values + values[:2]), 0)
    stream.write(batch(values[3:], 100), 1)
    events, days = contents(lake)
    assert [row["event_id"] for row in events] == ["u-0", "u-1", "u-2", "u-3", "u-4"]
    assert days[0]["completes"] == 1
    assert stream.counts.duplicates == 4


def test_days_are_recomputed_when_a_play_comes_after_its_end(lake) -> None:
    evening = listening("u", NOON.replace(day=19, hour=23, minute=58))
    stream = sink(lake)
    stream.write(batch(evening[3:]), 0)
    assert [row["listened_s"] for row in contents(lake)[1]] == [0.0]
    stream.write(batch(evening[:3], 10), 1)
    assert [(row["day"].day, row["listened_s"]) for row in contents(lake)[1]] == [(19, 70.0), (20, 400.0)]


def test_a_crash_between_the_events_and_their_days_heals(lake, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = batch(listening("u", NOON))
    broken = sink(lake)

    def die(_events: pa.Table) -> None:
        raise Killed

    monkeypatch.setattr(broken, "_recompute", die)
    with pytest.raises(Killed):
        broken.write(parsed, 0)
    events, days = contents(lake)
    assert (len(events), len(days)) == (5, 0)
    sink(lake).write(parsed, 0)
    events, days = contents(lake)
    assert (len(events), days[0]["listened_s"], days[0]["likes"]) == (5, 470.0, 1)


def test_a_bad_record_becomes_a_dead_letter_and_stops_nothing(lake) -> None:
    topics = MemoryTopics()
    stream = sink(lake, topics)
    stream.write(batch([b"{", *listening("u", NOON), b'{"kind": 1}'], 40), 0)
    assert stream.counts.dead == {"not-json": 1, "wrong-fields": 1}
    assert stream.counts.written == 5
    letters = [record.value.decode() for record in topics.records["user-events.dead"]]
    assert ['"offset":40' in letters[0], '"offset":46' in letters[1]] == [True, True]


def test_a_late_event_updates_its_old_day_alone(lake) -> None:
    stream = sink(lake)
    stream.write(batch(listening("u", NOON)), 0)
    before = contents(lake)[1]
    old = listening("u", NOON - dt.timedelta(days=9))
    stream.write(batch([value.replace(b'"u-', b'"old-') for value in old], 10), 1)
    days = contents(lake)[1]
    assert [row["day"].day for row in days] == [11, 20]
    assert days[1] == before[0]
