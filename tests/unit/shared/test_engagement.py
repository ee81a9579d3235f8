"""One meaning of listening, the same in Python and in the SQL that Spark and DuckDB run."""

from datetime import date, timedelta

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.shared import engagement

COUNTS = st.fixed_dictionaries({name: st.integers(0, 6) for name in engagement.WEIGHTS})


@settings(max_examples=60, deadline=None)
@given(counts=COUNTS, rating=st.none() | st.integers(1, 5))
def test_the_sql_and_the_function_agree(counts: dict[str, int], rating: int | None) -> None:
    columns = ", ".join(f"{value} AS {name}" for name, value in counts.items())
    stars = "NULL" if rating is None else rating
    row = duckdb.sql(f"SELECT {engagement.ENGAGEMENT_SQL} FROM (SELECT {columns}, CAST({stars} AS INT) AS rating)").fetchone()  # noqa: S608
    assert row is not None
    assert row[0] == engagement.score(counts, rating)


def test_skips_and_low_ratings_are_evidence_against() -> None:
    assert engagement.score({"plays": 1, "skips": 1}, None) < 0
    assert engagement.score({"plays": 1}, 1) < 0
    assert engagement.score({"plays": 1}, 3) == engagement.score({"plays": 1}, None) > 0


def test_repeats_beyond_the_cap_add_nothing() -> None:
    assert engagement.score({"plays": 3}, None) == engagement.score({"plays": 50}, None)


@settings(max_examples=60, deadline=None)
@given(counts=COUNTS, rating=st.none() | st.integers(1, 5), listened_s=st.floats(0, 200))
def test_what_is_used_up_is_the_same_in_sql_and_python(counts: dict[str, int], rating: int | None, listened_s: float) -> None:
    columns = ", ".join(f"{value} AS {name}" for name, value in (counts | {"listened_s": listened_s}).items())
    stars = "NULL" if rating is None else rating
    row = duckdb.sql(f"SELECT {engagement.USED_UP_SQL} FROM (SELECT {columns}, CAST({stars} AS INT) AS rating)").fetchone()  # noqa: S608
    assert row is not None
    assert row[0] == engagement.used_up(counts, rating, listened_s)


def test_engagement_halves_with_each_half_life() -> None:
    today = date(2026, 11, 22)
    assert [engagement.recency(today - timedelta(days=days), today, 30.0) for days in (0, 30, 60)] == [1.0, 0.5, 0.25]
