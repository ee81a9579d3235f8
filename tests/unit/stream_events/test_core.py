import datetime as dt
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.shared import engagement, tables
from jobs.shared.errors import RecordError
from jobs.shared.models import EventKind, UserEvent
from jobs.stream_events import core

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
LATE, FUTURE = dt.timedelta(days=30), dt.timedelta(minutes=5)


def event(number: int, kind: EventKind, ts: dt.datetime, position_s: float | None = None, *, rating: int | None = None, user: str = "u") -> UserEvent:
    return UserEvent(event_id=f"e{number}", user_id=user, episode_id="ep", kind=kind, rating=rating, position_s=position_s, ts=ts)


def stored(events: list[UserEvent]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(tables.USER_EVENTS.columns, core.event_row(one), strict=True)) for one in events], schema=tables.USER_EVENTS.schema)


def days(events: list[UserEvent]) -> dict[dt.date, dict]:
    rows = stored(events)
    return {row["day"]: row for row in core.daily(rows, core.touched(rows)).to_pylist()}


def after(seconds: float, start: dt.datetime = NOON) -> dt.datetime:
    return start + dt.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"{nonsense", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"[1]", "wrong-fields"),
        (b'{"event_id": "a"}', "wrong-fields"),
        (event(1, EventKind.PLAY, NOON).model_dump_json().replace('"play"', '"hum"').encode(), "unknown-kind"),
        (event(1, EventKind.PLAY, NOON).model_dump_json().replace('"rating":null', '"rating":3').encode(), "wrong-fields"),
        (event(1, EventKind.PLAY, after(301)).model_dump_json().encode(), "future"),
        (event(1, EventKind.PLAY, NOON - LATE - dt.timedelta(seconds=1)).model_dump_json().encode(), "late"),
    ],
)
def test_a_record_that_is_no_event_says_why(value: bytes | None, reason: str) -> None:
    with pytest.raises(RecordError) as caught:
        core.judge(value, NOON, late=LATE, future=FUTURE)
    assert caught.value.reason == reason


def test_parsing_keeps_every_record_and_its_place() -> None:
    good = event(1, EventKind.PLAY, NOON).model_dump_json().encode()
    schema = pa.schema([("value", pa.binary()), ("partition", pa.int32()), ("offset", pa.int64()), ("timestamp", pa.timestamp("us", tz="UTC"))])
    batch = pa.RecordBatch.from_pydict({"value": [good, b"?"], "partition": [2, 3], "offset": [7, 8], "timestamp": [NOON, NOON]}, schema=schema)
    first, second = pa.Table.from_batches(core.parse([batch], late=LATE, future=FUTURE)).to_pylist()
    assert (first["partition"], first["offset"], first["event_id"], first["reason"], first["ts"]) == (2, 7, "e1", None, NOON)
    assert (first["ts_min"], first["day"]) == (int(NOON.timestamp()) // 60, NOON.date())
    assert (second["partition"], second["offset"], second["reason"], second["payload"], second["event_id"]) == (3, 8, "not-json", "?", None)


def test_listening_is_what_lies_between_a_play_and_what_ends_it() -> None:
    found = days(
        [
            event(1, EventKind.PLAY, NOON, 0),
            event(2, EventKind.PAUSE, after(100), 90),
            event(3, EventKind.PLAY, after(500), 80),
            event(4, EventKind.LIKE, after(520), 100),
            event(5, EventKind.COMPLETE, after(900), 400),
            event(6, EventKind.SKIP, after(950), 0),
        ]
    )
    row = found[NOON.date()]
    assert row["listened_s"] == 90 + 320
    assert (row["plays"], row["pauses"], row["completes"], row["skips"], row["likes"]) == (2, 1, 1, 1, 1)
    assert row["last_event_at"] == after(950)


def test_listening_over_midnight_counts_on_the_day_it_ends() -> None:
    evening = NOON.replace(hour=23, minute=55)
    found = days([event(1, EventKind.PLAY, evening, 0), event(2, EventKind.COMPLETE, after(600, evening), 600)])
    assert [(day.day, row["listened_s"], row["plays"]) for day, row in sorted(found.items())] == [(20, 0.0, 1), (21, 600.0, 0)]


def test_a_play_of_two_days_ago_is_forgotten_and_a_jump_back_is_no_listening() -> None:
    assert days([event(1, EventKind.PLAY, NOON, 0), event(2, EventKind.PAUSE, after(2 * 86_400), 50)])[dt.date(2026, 11, 22)]["listened_s"] == 0
    assert days([event(1, EventKind.PLAY, NOON, 300), event(2, EventKind.PAUSE, after(10), 50)])[NOON.date()]["listened_s"] == 0


def test_the_last_rating_of_the_day_wins() -> None:
    rates = [event(1, EventKind.RATE, after(60), rating=5), event(2, EventKind.RATE, after(120), rating=2), event(3, EventKind.RATE, NOON, rating=4)]
    assert days(rates)[NOON.date()]["rating"] == 2
    assert days([*rates, event(4, EventKind.RATE, after(86_400), rating=1)])[NOON.date()]["rating"] == 2


kinds = st.sampled_from(list(EventKind))
histories = st.lists(st.tuples(kinds, st.integers(0, 4 * 86_400), st.integers(0, 3000), st.integers(1, 5), st.sampled_from("uv")), min_size=1, max_size=40)


def made(history: list) -> list[UserEvent]:
    return [
        event(number, kind, after(at), float(position), rating=rating if kind is EventKind.RATE else None, user=user)
        for number, (kind, at, position, rating, user) in enumerate(history)
    ]


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(0, 2**32))
def test_a_day_says_the_same_whatever_else_is_read_and_in_whatever_order(history: list, seed: int) -> None:
    events = made(history)
    rows = stored(events)
    whole = {(row["user_id"], row["day"]): row for row in core.daily(rows, core.touched(rows)).to_pylist()}
    random.Random(seed).shuffle(events)
    for one in events[:5]:
        keys = core.touched(stored([one]))
        window = core.around([one.ts.date()])
        near = stored([other for other in events if other.ts.date() in window])
        for row in core.daily(near, keys).to_pylist():
            assert row == whole[(row["user_id"], row["day"])]


@settings(max_examples=60, deadline=None)
@given(histories)
def test_engagement_is_the_shared_definition(history: list) -> None:
    for row in core.daily(rows := stored(made(history)), core.touched(rows)).to_pylist():
        counts = {name: row[name] for name in engagement.WEIGHTS}
        assert row["engagement"] == pytest.approx(engagement.score(counts, row["rating"]))
