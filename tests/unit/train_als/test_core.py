"""Which days a generation and its twin are trained on."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.train_als import core

DAY = date(2026, 11, 1)


def on(*rows: int) -> dict[date, int]:
    return {DAY + timedelta(days=offset): count for offset, count in enumerate(rows) if count}


@pytest.mark.parametrize(
    ("rows", "share", "expected"),
    [
        ((10, 10, 10, 10, 10), 0.2, 4),
        ((10, 10, 10, 10, 10), 0.4, 3),
        ((10, 0, 0, 0, 90), 0.2, 4),
        ((97, 1, 1, 1), 0.2, 1),
    ],
)
def test_the_split_leaves_about_the_share_after_it(rows: tuple[int, ...], share: float, expected: int) -> None:
    assert core.split_day(on(*rows), share) == DAY + timedelta(days=expected)


def test_one_day_cannot_be_split() -> None:
    assert core.split_day(on(50), 0.2) is None
    assert core.split_day({}, 0.2) is None


@given(rows=st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 3, 1)), st.integers(1, 100), min_size=2), share=st.floats(0.01, 0.99))
def test_there_is_always_something_on_both_sides_of_a_split(rows: dict[date, int], share: float) -> None:
    split = core.split_day(rows, share)
    assert split is not None
    assert min(rows) < split <= max(rows)


def test_the_twin_sees_no_day_from_the_split_on_and_its_newest_day_counts_whole() -> None:
    weights = core.day_weights(on(1, 1, 1, 1), 2.0, before=DAY + timedelta(days=3))
    assert weights == {DAY + timedelta(days=2): 1.0, DAY + timedelta(days=1): pytest.approx(0.5**0.5), DAY: pytest.approx(0.5)}
