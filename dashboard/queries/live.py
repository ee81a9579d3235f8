"""The last minutes of the event stream.

The newest minute and the files of the window come from the statistics in the Delta log, so that a look costs as much as the window is
long, not as the table is old; all numbers of one look are of one snapshot.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from dashboard.queries.lake import Lake, MissingTable
from jobs.shared.engagement import COUNT_BY_KIND, ENGAGEMENT_SQL
from jobs.shared.errors import StorageError
from jobs.shared.tables import EPISODES, PODCASTS, USER_EVENTS

MINUTES_A_DAY = 1440

COUNTS_SQL = ", ".join(f"count(*) FILTER (kind = '{kind}') AS {name}" for kind, name in COUNT_BY_KIND.items())
"""A day's counts of one listener with one episode, as stream_events writes them."""


@dataclass(frozen=True)
class Window:
    """The minutes (epoch) after `start_min` up to the watermark `newest_min`, and the files that hold them."""

    start_min: int
    newest_min: int
    files: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, object]:
        return {"files": list(self.files), "start_min": self.start_min}


def window(lake: Lake, minutes: int) -> Window:
    """The last `minutes` before the stream's watermark; MissingTable where no event was ever written."""
    opened = lake.open(USER_EVENTS)
    if opened is None:
        raise MissingTable(USER_EVENTS)
    try:
        files = pa.table(opened.get_add_actions(flatten=True))
    except (DeltaError, OSError) as error:
        raise StorageError(f"cannot read the log of the Delta table {lake.address(USER_EVENTS)}: {error}") from error
    # A file without statistics may hold anything.
    filled = files.filter(pc.fill_null(pc.greater(files["num_records"], 0), fill_value=True)) if files.num_rows else files
    if not filled.num_rows:
        raise MissingTable(USER_EVENTS)
    newest = pc.max(filled["max.ts_min"]).as_py() if "max.ts_min" in filled.column_names else None
    if newest is None:
        raise StorageError(f"the Delta table {lake.address(USER_EVENTS)} carries no statistics on ts_min, so its newest minute is unknown")
    start = newest - minutes
    held = filled.filter(pc.fill_null(pc.greater(filled["max.ts_min"], start), fill_value=True))
    return Window(start, newest, tuple(f"{lake.address(USER_EVENTS)}/{path}" for path in held["path"].to_pylist()))


def newest_day(lake: Lake) -> int:
    """The watermark's day, in days since 1970."""
    return window(lake, 0).newest_min // MINUTES_A_DAY


def by_kind(lake: Lake, seen: Window, bin_min: int) -> pa.Table:
    """bin_min (epoch minute at which the bin begins), kind, events."""
    return lake.query(
        """SELECT CAST(ts_min // $bin_min * $bin_min AS BIGINT) AS bin_min, kind, count(*) AS events
        FROM read_parquet($files) WHERE ts_min > $start_min GROUP BY ALL ORDER BY ALL""",
        seen.parameters | {"bin_min": bin_min},
    )


def totals(lake: Lake, seen: Window) -> dict[str, int]:
    """events, listeners, plays (starts and resumes), and of the (listener, episode) pairs that played how many reached the end."""
    row = lake.query(
        """WITH pairs AS (
            SELECT user_id, count(*) AS events, count(*) FILTER (kind = 'play') AS plays, count(*) FILTER (kind = 'complete') AS completes
            FROM read_parquet($files) WHERE ts_min > $start_min GROUP BY user_id, episode_id
        )
        SELECT CAST(coalesce(sum(events), 0) AS BIGINT) AS events, count(DISTINCT user_id) AS listeners, CAST(coalesce(sum(plays), 0) AS BIGINT) AS plays,
            count(*) FILTER (plays > 0 OR completes > 0) AS heard, count(*) FILTER (completes > 0) AS completed
        FROM pairs""",
        seen.parameters,
    ).to_pylist()[0]
    return {name: int(value) for name, value in row.items()}


def top_by_engagement(lake: Lake, seen: Window, limit: int) -> pa.Table:
    """episode_id, title, podcast, engagement, listeners, plays; most engaging first."""
    return lake.query(
        f"""WITH daily AS (
            SELECT user_id, episode_id, ts_min // 1440 AS day, {COUNTS_SQL}, arg_max(rating, ts) FILTER (kind = 'rate') AS rating
            FROM read_parquet($files) WHERE ts_min > $start_min GROUP BY ALL
        ), engaged AS (
            SELECT episode_id, sum({ENGAGEMENT_SQL}) AS engagement, count(DISTINCT user_id) AS listeners,
                CAST(sum(plays) AS BIGINT) AS plays
            FROM daily GROUP BY episode_id ORDER BY engagement DESC, episode_id LIMIT $limit
        )
        SELECT episode_id, coalesce(episodes.title, episode_id) AS title, coalesce(podcasts.title, '') AS podcast, engagement, listeners, plays
        FROM engaged LEFT JOIN episodes USING (episode_id) LEFT JOIN podcasts USING (podcast_id) ORDER BY engagement DESC, episode_id""",  # noqa: S608  # constants
        seen.parameters | {"limit": limit},
        may_use=(EPISODES, PODCASTS),
    )


def top_by_rating(lake: Lake, seen: Window, limit: int, prior: float) -> pa.Table:
    """episode_id, title, podcast, bayesian, mean, ratings; best first.

    Bayesian average: (prior * m + sum of stars) / (prior + ratings), with m the mean of all ratings in the window; a listener's last rating counts.
    """
    return lake.query(
        """WITH votes AS (
            SELECT user_id, episode_id, arg_max(rating, ts) AS stars FROM read_parquet($files)
            WHERE ts_min > $start_min AND kind = 'rate' GROUP BY ALL
        ), rated AS (
            SELECT episode_id, ($prior * any_value(everybody.mean) + sum(stars)) / ($prior + count(*)) AS bayesian, avg(stars) AS mean, count(*) AS ratings
            FROM votes, (SELECT avg(stars) AS mean FROM votes) AS everybody GROUP BY episode_id ORDER BY bayesian DESC, episode_id LIMIT $limit
        )
        SELECT episode_id, coalesce(episodes.title, episode_id) AS title, coalesce(podcasts.title, '') AS podcast, bayesian, mean, ratings
        FROM rated LEFT JOIN episodes USING (episode_id) LEFT JOIN podcasts USING (podcast_id) ORDER BY bayesian DESC, episode_id""",
        seen.parameters | {"limit": limit, "prior": prior},
        may_use=(EPISODES, PODCASTS),
    )
