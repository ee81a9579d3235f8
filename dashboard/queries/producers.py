"""How the episodes of a show are heard; every answer carries its unique listeners, for the views to suppress small cells."""

import pyarrow as pa

from dashboard.queries.lake import Lake
from jobs.shared.tables import EPISODES, PODCASTS, TRANSCRIPTS, USER_EVENTS, USER_VS_EPISODE_DAILY

REACH_STEPS = 20
"""The reach curve has a point every 5 % of an episode."""


def shows(lake: Lake) -> pa.Table:
    """podcast_id, title, episodes, of shows with episodes; by title."""
    return lake.query(
        """SELECT podcast_id, coalesce(any_value(podcasts.title), podcast_id) AS title, count(*) AS episodes
        FROM episodes LEFT JOIN podcasts USING (podcast_id) GROUP BY podcast_id ORDER BY lower(any_value(podcasts.title)), podcast_id""",
        needs=(EPISODES,),
        may_use=(PODCASTS,),
    )


def episodes(lake: Lake, podcast_id: str, since_day: int) -> pa.Table:
    """Per episode of the show: plays, listeners, completed (listeners), listened_s, duration_s, rating (mean of last ratings), ratings."""
    return lake.query(
        """WITH heard AS (
            SELECT episode_id, user_id, sum(plays) AS plays, sum(completes) AS completes, sum(listened_s) AS listened_s,
                arg_max(rating, last_event_at) FILTER (rating IS NOT NULL) AS rating
            FROM user_vs_episode_daily WHERE day >= DATE '1970-01-01' + CAST($since_day AS INTEGER) GROUP BY ALL
        )
        SELECT episode_id, title, published_at, duration_s, audio_url, CAST(coalesce(sum(plays), 0) AS BIGINT) AS plays,
            count(DISTINCT user_id) FILTER (plays > 0 OR listened_s > 0 OR completes > 0) AS listeners,
            count(*) FILTER (completes > 0) AS completed, coalesce(sum(listened_s), 0.0) AS listened_s,
            avg(rating) AS rating, count(rating) AS ratings
        FROM episodes LEFT JOIN heard USING (episode_id) WHERE podcast_id = $podcast_id
        GROUP BY episode_id, title, published_at, duration_s, audio_url ORDER BY listeners DESC, published_at DESC, episode_id""",
        {"podcast_id": podcast_id, "since_day": since_day},
        needs=(EPISODES,),
        may_use=(USER_VS_EPISODE_DAILY,),
    )


def listeners(lake: Lake, podcast_id: str, since_day: int) -> int:
    """Unique listeners of the show."""
    found = lake.query(
        """SELECT count(DISTINCT user_id) AS listeners FROM user_vs_episode_daily JOIN episodes USING (episode_id)
        WHERE podcast_id = $podcast_id AND day >= DATE '1970-01-01' + CAST($since_day AS INTEGER) AND (plays > 0 OR listened_s > 0 OR completes > 0)""",
        {"podcast_id": podcast_id, "since_day": since_day},
        needs=(EPISODES,),
        may_use=(USER_VS_EPISODE_DAILY,),
    )
    return int(found["listeners"][0].as_py())


def stops(lake: Lake, episode_id: str, since_day: int, widths_s: tuple[int, ...]) -> pa.Table:
    """Where listeners pause or skip: width_s, kind, start_s of the bucket, events, listeners; for each width."""
    return lake.query(
        """SELECT CAST(width_s AS INTEGER) AS width_s, kind, CAST(floor(position_s / width_s) * width_s AS INTEGER) AS start_s,
            count(*) AS events, count(DISTINCT user_id) AS listeners
        FROM user_events, (SELECT unnest($widths_s) AS width_s) AS widths
        WHERE day >= DATE '1970-01-01' + CAST($since_day AS INTEGER) AND episode_id = $episode_id AND kind IN ('pause', 'skip') AND position_s IS NOT NULL
        GROUP BY ALL ORDER BY ALL""",
        {"episode_id": episode_id, "since_day": since_day, "widths_s": list(widths_s)},
        needs=(USER_EVENTS,),
    )


def reach(lake: Lake, episode_id: str, since_day: int, duration_s: float) -> pa.Table:
    """How far listeners get: share (of the episode, 0 to 1), listeners whose furthest position is at least there."""
    return lake.query(
        """WITH furthest AS (
            SELECT user_id, max(coalesce(position_s, 0)) AS position_s FROM user_events
            WHERE day >= DATE '1970-01-01' + CAST($since_day AS INTEGER) AND episode_id = $episode_id AND kind IN ('play', 'pause', 'skip', 'complete')
            GROUP BY user_id
        )
        SELECT step / $steps AS share, count(*) FILTER (position_s >= step / $steps * $duration_s - 1) AS listeners
        FROM furthest, range(0, CAST($steps + 1 AS BIGINT)) AS marks(step) GROUP BY step ORDER BY step""",
        {"episode_id": episode_id, "since_day": since_day, "duration_s": duration_s, "steps": REACH_STEPS},
        needs=(USER_EVENTS,),
    )


def segments(lake: Lake, episode_id: str) -> pa.Table:
    """start_s, end_s, text of what is said."""
    return lake.query(
        """SELECT segment.start_s AS start_s, segment.end_s AS end_s, segment.text AS text
        FROM (SELECT unnest(segments) AS segment FROM transcripts WHERE episode_id = $episode_id) ORDER BY start_s""",
        {"episode_id": episode_id},
        may_use=(TRANSCRIPTS,),
    )


def shared_audience(lake: Lake, podcast_id: str, since_day: int) -> pa.Table:
    """Other shows: title, shared (listeners of both), listeners (of the other show); most shared first."""
    return lake.query(
        """WITH heard AS (
            SELECT DISTINCT podcast_id, user_id FROM user_vs_episode_daily JOIN episodes USING (episode_id)
            WHERE day >= DATE '1970-01-01' + CAST($since_day AS INTEGER) AND (plays > 0 OR listened_s > 0 OR completes > 0)
        ), own AS (SELECT user_id FROM heard WHERE podcast_id = $podcast_id)
        SELECT coalesce(any_value(podcasts.title), podcast_id) AS title, count(own.user_id) AS shared, count(*) AS listeners
        FROM heard LEFT JOIN own USING (user_id) LEFT JOIN podcasts USING (podcast_id)
        WHERE podcast_id <> $podcast_id GROUP BY podcast_id HAVING count(own.user_id) > 0 ORDER BY shared DESC, title""",
        {"podcast_id": podcast_id, "since_day": since_day},
        needs=(EPISODES,),
        may_use=(PODCASTS, USER_VS_EPISODE_DAILY),
    )
