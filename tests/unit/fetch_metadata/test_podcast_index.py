"""PodcastIndex is asked with fresh credentials, few requests, and no illusions."""

import logging
from collections.abc import Iterator

import pytest

from jobs.fetch_metadata.podcast_index import PodcastIndex, authorisation
from jobs.fetch_metadata.settings import PodcastIndexSettings
from jobs.shared.errors import PlatformError, SettingsError
from jobs.shared.settings import HttpSettings
from jobs.shared.storage.http import HttpWeb
from tests.support.hostile import hostile_web
from tests.support.podcast_index import FakePodcastIndex

LOGGER = logging.getLogger("test")


@pytest.fixture
def fake() -> Iterator[FakePodcastIndex]:
    with hostile_web() as web:
        yield FakePodcastIndex(web, [(f"https://e.org/{number}", "en-us") for number in range(450)])


def index(fake: FakePodcastIndex, waits: list[float] | None = None, **values: object) -> PodcastIndex:
    settings = PodcastIndexSettings.model_validate({"base_url": fake.base_url, "key": fake.key, "secret": f"{fake.secret}\n", **values})
    return PodcastIndex(settings, HttpWeb(HttpSettings(allowed_hosts=(fake.web.host,))), sleep=(waits if waits is not None else []).append)


def test_the_hash_is_that_of_the_published_rule() -> None:
    assert authorisation("KEY", "SECRET", 1700000000) == {
        "X-Auth-Key": "KEY",
        "X-Auth-Date": "1700000000",
        "Authorization": "5f8983664e541a83aaae7f3a47f1957fbca48aec",
    }


def test_fifty_trending_feeds_cost_two_requests(fake: FakePodcastIndex) -> None:
    fake.dead = {"https://e.org/3"}
    fake.moved = {"https://e.org/4": "https://new.org/4"}
    urls = index(fake).trending(LOGGER)
    assert len(fake.web.requests) == 2
    assert len(urls) == 49
    assert "https://e.org/3" not in urls
    assert urls[3] == "https://new.org/4"


def test_a_look_up_names_200_feeds_at_most(fake: FakePodcastIndex) -> None:
    assert len(index(fake, max=450).trending(LOGGER)) == 450
    assert len(fake.web.requests) == 4


def test_every_request_and_every_retry_is_signed_anew(fake: FakePodcastIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1700000000, 1700000100, 7))
    monkeypatch.setattr("tests.support.podcast_index.time.time", lambda: 1700000010)
    fake.troubles = [(429, b""), (503, b""), (400, b"<html>Bad request</html>")]
    waits: list[float] = []
    source = index(fake, waits)
    source._clock = lambda: float(next(clock))
    source.trending(LOGGER)
    assert fake.dates == [str(1700000000 + 7 * step) for step in range(5)]
    assert waits == sorted(waits)
    assert len(waits) == 3


def test_refused_keys_are_a_matter_of_settings(fake: FakePodcastIndex) -> None:
    with pytest.raises(SettingsError, match="clock"):
        index(fake, secret="wrong").trending(LOGGER)
    assert len(fake.web.requests) == 2


def test_a_clock_that_is_set_right_in_between_is_forgiven(fake: FakePodcastIndex) -> None:
    fake.troubles = [(401, b"window")]
    assert len(index(fake).trending(LOGGER)) == 50


@pytest.mark.parametrize("trouble", [(500, b""), (200, b"<html>")])
def test_a_directory_in_trouble_is_a_reason_to_try_again(fake: FakePodcastIndex, trouble: tuple[int, bytes]) -> None:
    fake.troubles = [trouble] * 10
    with pytest.raises(PlatformError, match="PodcastIndex") as error:
        index(fake).trending(LOGGER)
    assert error.value.exit_code == 1


def test_missing_keys_are_named(fake: FakePodcastIndex) -> None:
    with pytest.raises(SettingsError, match="EARSHOT_PODCAST_INDEX__SECRET"):
        index(fake, secret=None)
