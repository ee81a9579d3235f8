"""What a record must be to count as an event, and what a day's events say about a listener and an episode."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.shared import tables
from jobs.shared.engagement import CAPS, COUNT_BY_KIND, RATING_NEUTRAL, RATING_WEIGHT, WEIGHTS
from jobs.shared.errors import RecordError
from jobs.shared.models import UserEvent
from jobs.shared.topics import USER_EVENTS

MAX_PAYLOAD = 10_000
"""Characters of a refused record that its dead letter keeps."""
PAIR = ["user_id", "episode_id"]
KEY = [*PAIR, "day"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PLACE = pa.schema([("partition", pa.int32()), ("offset", pa.int64())])
REFUSAL = pa.schema([("reason", pa.string()), ("message", pa.string()), ("payload", pa.string())])
PARSED = pa.schema([*PLACE, *tables.USER_EVENTS.schema, *REFUSAL])
"""A record with its place: either an event, or a reason why it is none."""


def judge(value: bytes | None, received_at: datetime, *, late: timedelta, future: timedelta) -> UserEvent:
    """The event of one record; RecordError empty, not-json, wrong-fields, unknown-kind, late or future says why there is none."""
    try:
        event: UserEvent = USER_EVENTS.decode(value)
    except RecordError as error:
        if error.reason == "wrong-fields" and str(error).startswith("kind: Input should be"):
            raise RecordError("unknown-kind", str(error)) from error
        raise
    # Kafka's own time of receipt, not the present: a replayed batch must be judged as it was the first time.
    if event.ts > received_at + future:
        raise RecordError("future", f"ts {event.ts.isoformat()} is ahead of {received_at.isoformat()}, when it was received")
    if event.ts < received_at - late:
        raise RecordError("late", f"ts {event.ts.isoformat()} is more than {late.days} days before {received_at.isoformat()}, when it was received")
    return event


def parse(batches: Iterable[pa.RecordBatch], *, late: timedelta, future: timedelta) -> Iterator[pa.RecordBatch]:
    """Records (value, partition, offset, timestamp) as rows of PARSED; nothing is dropped."""
    for batch in batches:
        columns: dict[str, list[object]] = {name: [] for name in PARSED.names}
        put = [columns[name].append for name in PARSED.names]
        records = zip(*(batch.column(name).to_pylist() for name in ("value", "partition", "offset", "timestamp")), strict=True)
        for value, partition, offset, received_at in records:
            try:
                event = judge(value, received_at.astimezone(UTC), late=late, future=future)
                row = (partition, offset, *event_row(event), None, None, None)
            except RecordError as error:
                payload = (value or b"").decode("utf-8", errors="replace")[:MAX_PAYLOAD]
                row = (partition, offset, *(None,) * len(tables.USER_EVENTS.schema), error.reason, str(error), payload)
            for append, cell in zip(put, row, strict=True):
                append(cell)
        yield pa.RecordBatch.from_pydict(columns, schema=PARSED)


def event_row(event: UserEvent) -> tuple[object, ...]:
    """The event as a row of `user_events`."""
    ts = event.ts.astimezone(UTC)
    minute = (ts - EPOCH) // timedelta(minutes=1)
    return (event.event_id, event.user_id, event.episode_id, event.kind.value, event.rating, event.position_s, ts, minute, ts.date())


def first_of_each(events: pa.Table) -> pa.Table:
    """Events, each id once; of records with one id the first in the topic counts."""
    ordered = events.sort_by([("partition", "ascending"), ("offset", "ascending")])
    ids = ordered["event_id"].combine_chunks().dictionary_encode()
    _, first = np.unique(ids.indices.to_numpy(), return_index=True)
    return ordered.take(np.sort(first))


def without(events: pa.Table, known_ids: pa.ChunkedArray) -> pa.Table:
    """Events whose id is not known."""
    return events.filter(pc.invert(pc.is_in(events["event_id"], value_set=known_ids)))


def touched(events: pa.Table) -> pa.Table:
    """Keys of user_vs_episode_daily that the events can change: their day, and the next, on which what was begun may end."""
    keys = events.select(KEY)
    return pa.concat_tables([keys, _moved(keys, 1)]).group_by(KEY).aggregate([])


def around(days: Iterable[date]) -> list[date]:
    """These days with the one before and the one after each."""
    return sorted({day + timedelta(days=step) for day in days for step in (-1, 0, 1)})


def daily(events: pa.Table, keys: pa.Table) -> pa.Table:
    """The rows of `user_vs_episode_daily` of these keys, from the stored events of their days and of the days before.

    Seconds listened: from a play (or resume) to the pause, skip or complete that follows it, counted on the day of the latter; likes and
    ratings in between change nothing. A play of more than one day before is forgotten, so that a row depends on two days alone. The
    last rating of the day wins.
    """
    pairs = keys.select(PAIR).group_by(PAIR).aggregate([])
    events = events.join(pairs, PAIR, join_type="left semi")
    passive = pc.is_in(events["kind"], value_set=pa.array(["like", "rate"]))
    events = events.append_column("channel", pc.if_else(passive, events["kind"], "transport"))
    events = events.sort_by([(name, "ascending") for name in ("user_id", "episode_id", "channel", "ts", "event_id")])
    if not events.num_rows:
        return tables.USER_VS_EPISODE_DAILY.empty()

    user, episode, channel, kind = (_codes(events[name]) for name in ("user_id", "episode_id", "channel", "kind"))
    kinds = events["kind"].combine_chunks()
    day = events["day"].cast(pa.int32()).to_numpy()
    position_s = events["position_s"].fill_null(np.nan).to_numpy()
    # Of each event, whether the one before it belongs to the same listener, episode and channel.
    follows = np.zeros(len(kind), dtype=bool)
    follows[1:] = (user[1:] == user[:-1]) & (episode[1:] == episode[:-1]) & (channel[1:] == channel[:-1])
    closes = follows & pc.is_in(kinds, value_set=pa.array(["pause", "skip", "complete"])).to_numpy(zero_copy_only=False)
    closes[1:] &= pc.equal(kinds, "play").to_numpy(zero_copy_only=False)[:-1] & (day[1:] - day[:-1] <= 1)
    moved_s = np.diff(position_s, prepend=np.nan)
    last_of_day = np.ones(len(kind), dtype=bool)
    last_of_day[:-1] = ~follows[1:] | (day[1:] != day[:-1])

    columns = {name: events[name] for name in KEY}
    columns |= {column: pc.equal(kinds, name).cast(pa.int32()) for name, column in COUNT_BY_KIND.items()}
    columns["rating"] = pc.if_else(pa.array(last_of_day), events["rating"].combine_chunks(), pa.scalar(None, pa.int32()))
    columns["listened_s"] = pa.array(np.where(closes & (moved_s > 0), moved_s, 0.0))
    columns["last_event_at"] = events["ts"]
    sums = [*COUNT_BY_KIND.values(), "listened_s"]
    days = pa.table(columns).group_by(KEY).aggregate([*((name, "sum") for name in sums), ("rating", "max"), ("last_event_at", "max")])
    days = days.rename_columns([*KEY, *sums, "rating", "last_event_at"])
    days = days.append_column("engagement", pa.array(_engagement(days)))
    return days.join(keys, KEY, join_type="left semi").select(tables.USER_VS_EPISODE_DAILY.columns).cast(tables.USER_VS_EPISODE_DAILY.schema)


def _engagement(days: pa.Table) -> NDArray[np.float64]:
    """`jobs.shared.engagement.score` of every row."""
    total = np.zeros(days.num_rows)
    for name, weight in WEIGHTS.items():
        total += weight * np.minimum(days[name].to_numpy(), CAPS[name])
    total += RATING_WEIGHT * (days["rating"].fill_null(RATING_NEUTRAL).to_numpy() - RATING_NEUTRAL)
    return total


def _codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    codes: NDArray[np.int32] = column.combine_chunks().dictionary_encode().indices.to_numpy()
    return codes


def _moved(keys: pa.Table, days: int) -> pa.Table:
    position = keys.schema.get_field_index("day")
    day = pc.add(keys["day"].cast(pa.int32()), pa.scalar(days, pa.int32())).cast(pa.date32())
    return keys.set_column(position, "day", day)
