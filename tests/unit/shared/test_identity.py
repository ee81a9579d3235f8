"""Ids follow the Podcasting 2.0 rule; the values are those of its documentation and of the design."""

import pytest

from jobs.shared.identity import episode_id, podcast_id


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://podnews.net/rss", "9b024349-ccf0-5f69-a609-6b82873eab3c"),
        ("http://podnews.net/rss/", "9b024349-ccf0-5f69-a609-6b82873eab3c"),
        ("mp3s.nashownotes.com/pc20rss.xml", "917393e3-1b1e-5cef-ace4-edaa54e1f810"),
    ],
)
def test_a_podcast_without_a_guid_is_named_by_its_address(url: str, expected: str) -> None:
    assert podcast_id(url) == expected


def test_the_feeds_own_guid_wins_and_survives_a_move() -> None:
    guid = "917393E3-1b1e-5cef-ace4-edaa54e1f810"
    assert podcast_id("https://old.example/feed", guid) == podcast_id("https://new.example/feed", f" {guid} ") == guid.lower()


def test_an_episode_is_named_by_its_guid_inside_its_podcast() -> None:
    podnews = podcast_id("https://podnews.net/rss")
    assert episode_id(podnews, "ep-1", "https://a.example/1.mp3") == "426452f9-9798-5c90-bfae-64fde2de4ddd"
    assert episode_id(podnews, "ep-1", "https://moved.example/1.mp3") == "426452f9-9798-5c90-bfae-64fde2de4ddd"
    assert episode_id(podcast_id("https://other.example"), "ep-1", "https://a.example/1.mp3") != "426452f9-9798-5c90-bfae-64fde2de4ddd"


def test_an_item_without_a_guid_is_named_by_its_enclosure() -> None:
    podcast = podcast_id("https://podnews.net/rss")
    assert episode_id(podcast, None, "https://a.example/1.mp3") == episode_id(podcast, "  ", "https://a.example/1.mp3")
    assert episode_id(podcast, None, "https://a.example/1.mp3") != episode_id(podcast, None, "https://a.example/2.mp3")


def test_a_guid_that_is_no_uuid_still_names_its_own_episodes() -> None:
    assert episode_id("not-a-uuid", "1", "x") != episode_id("another", "1", "x")
