"""Feeds as strangers write them."""

import datetime as dt
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.fetch_metadata import core
from jobs.fetch_metadata.feed import Feed, duration_s, moment, read_feed
from jobs.fetch_metadata.language import detect, feed_language
from jobs.fetch_metadata.opml import feed_urls
from jobs.shared.errors import SourceError
from jobs.shared.markup import plain_text

URL = "https://example.org/shows/feed.xml"


def rss(*items: str, channel: str = "<title>Show</title><language>en</language>", head: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
        f'xmlns:p="https://podcastindex.org/namespace/1.0"><channel>{channel}{"".join(items)}</channel></rss>'
    ).encode()


def item(*tags: str, guid: str | None = None, audio: str = "https://cdn.example.org/a.mp3", title: str = "One", date: str = "") -> str:
    parts = [f"<title>{title}</title>", f'<enclosure url="{audio}" type="audio/mpeg"/>', *tags]
    parts += [f"<guid>{guid}</guid>"] if guid is not None else []
    parts += [f"<pubDate>{date}</pubDate>"] if date else []
    return f"<item>{''.join(parts)}</item>"


def episode_ids(feed: Feed, limit: int = 100) -> Sequence[str]:
    return [episode.episode_id for episode in core.select(feed, "ead4c236-bf58-58c6-a2c6-a6b28d128cb6", "en", limit).episodes]


def test_relative_addresses_lead_from_the_feed_or_from_xml_base() -> None:
    feed = read_feed(rss(item('<p:transcript url="../t/1.vtt" type="text/vtt"/>', '<itunes:image href="/i.png"/>', audio="a.mp3")), URL)
    (first,) = feed.items
    assert (first.audio_url, first.transcript_url, first.image_url) == (
        "https://example.org/shows/a.mp3",
        "https://example.org/t/1.vtt",
        "https://example.org/i.png",
    )
    based = rss(item(audio="a.mp3")).replace(b"<channel>", b'<channel xml:base="https://other.org/x/">')
    assert read_feed(based, URL).items[0].audio_url == "https://other.org/x/a.mp3"


def test_an_item_without_a_usable_enclosure_is_counted_and_left_out() -> None:
    feed = read_feed(
        rss("<item><title>none</title></item>", item(audio=""), item(audio="ftp://example.org/a.mp3"), item(audio="http://[bad/a.mp3"), item()), URL
    )
    assert len(feed.items) == 1
    assert feed.unusable == {"no-enclosure": 4}


def test_audio_is_preferred_to_other_enclosures() -> None:
    first = item('<enclosure url="https://cdn.example.org/b.m4a" type="audio/x-m4a"/>').replace('type="audio/mpeg"', 'type="video/mp4"')
    assert read_feed(rss(first), URL).items[0].audio_url == "https://cdn.example.org/b.m4a"


def test_items_with_one_guid_are_one_episode_and_items_without_are_told_apart_by_their_audio() -> None:
    feed = read_feed(
        rss(
            item(guid="same", audio="https://e.org/1.mp3", date="Mon, 02 Nov 2026 09:00:00 GMT", title="newer"),
            item(guid=" same ", audio="https://e.org/2.mp3", date="Sun, 01 Nov 2026 09:00:00 GMT", title="older"),
            item(audio="https://e.org/3.mp3"),
            item(guid="", audio="https://e.org/4.mp3"),
        ),
        URL,
    )
    assert len(set(episode_ids(feed))) == len(episode_ids(feed)) == 3
    selection = core.select(feed, "show", "en", 9)
    assert selection.left_out == {"duplicate-guid": 1}
    assert selection.episodes[0].title == "newer"


def test_the_newest_come_first_whatever_the_order_of_the_feed() -> None:
    days = ["Sun, 01 Nov 2026 09:00:00 GMT", "Tue, 03 Nov 2026 09:00:00 GMT", "", "Mon, 02 Nov 2026 09:00:00 GMT"]
    feed = read_feed(rss(*(item(guid=str(index), date=day, title=str(index)) for index, day in enumerate(days))), URL)
    assert [episode.title for episode in core.select(feed, "show", "en", 3).episodes] == ["1", "3", "0"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3723", 3723), ("62:03", 3723), ("1:02:03", 3723), (" 01:02:03 ", 3723), ("12.5", 12.5), ("", None), ("0", None), ("-5", None), ("an hour", None),
     ("1:2:3:4", None), ("99999999", None), ("9999:00:00", None)],
)  # fmt: skip
def test_a_duration_is_read_in_its_three_forms(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 02 Nov 2026 09:00:00 +0200", dt.datetime(2026, 11, 2, 7, tzinfo=dt.UTC)),
        ("Mon, 02 Nov 2026 09:00:00 EST", dt.datetime(2026, 11, 2, 14, tzinfo=dt.UTC)),
        ("2026-11-02 09:00:00", dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)),
        ("2026-11-02T09:00:00Z", dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)),
        ("soon", None),
        ("99 Nov 999999", None),
        ("", None),
    ],
)
def test_a_date_is_utc_and_a_naive_one_is_taken_as_utc(text: str, expected: dt.datetime | None) -> None:
    assert moment(text) == expected


@given(st.text(max_size=120))
def test_no_text_breaks_the_readers_of_dates_and_durations(text: str) -> None:
    moment(text)
    duration_s(text)
    plain_text(text)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"<!doctype html><html><body>Sign in</body></html>", "not-a-feed"),
        (b"{}", "not-a-feed"),
        (b"\x00\x01\x02", "not-a-feed"),
        (b"<rss></rss>", "not-a-feed"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom"></feed>', "not-a-feed"),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as error:
        read_feed(body, URL)
    assert error.value.reason == reason


def test_an_entity_bomb_does_not_go_off() -> None:
    bomb = "<!DOCTYPE r [<!ENTITY a 'xxxxxxxxxx'>" + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)) + "]>"
    assert len(repr(read_feed(rss(item(title="before"), item(title="&j;"), head=bomb), URL))) < 2_000


def test_an_entity_reads_no_file() -> None:
    body = rss(item(title="&f;"), head="<!DOCTYPE r [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>")
    assert "root:" not in read_feed(body, URL).items[0].title


def test_a_slightly_broken_feed_is_still_read() -> None:
    body = rss(item(title="Tom & Jerry &nbsp; fun"), item(title="two")).removesuffix(b"</channel></rss>")
    assert len(read_feed(body, URL).items) == 2


def test_markup_of_descriptions_becomes_text() -> None:
    found = read_feed(
        rss(item("<description><![CDATA[<p>One &amp; two<br>three</p><script>alert(1)</script>]]></description>", title="A &amp;amp; B")), URL
    ).items[0]
    assert found.description == "One & two three"
    assert found.title == "A & B"


def test_the_best_transcript_offered_is_kept() -> None:
    offers = [("text/plain", "t"), ("application/x-subrip", "s"), ("application/json", "j"), ("text/html", "h"), ("application/pdf", "p")]
    tags = "".join(f'<p:transcript url="https://e.org/{name}" type="{kind}"/>' for kind, name in offers)
    assert only_transcript(tags) == ("https://e.org/j", "application/json")
    assert only_transcript(tags + '<p:transcript url="v.vtt" type="text/vtt; charset=utf-8"/>') == ("https://example.org/shows/v.vtt", "text/vtt")
    assert only_transcript('<p:transcript url="https://e.org/s" type="application/x-subrip"/>') == ("https://e.org/s", "application/srt")
    assert only_transcript("") == (None, None)


def only_transcript(tags: str) -> tuple[str | None, str | None]:
    (found,) = read_feed(rss(item(tags)), URL).items
    return found.transcript_url, found.transcript_type


def test_the_older_name_of_the_namespace_is_the_same_namespace() -> None:
    body = rss(item(), channel="<title>S</title><p:guid>917393E3-1b1e-5cef-ace4-edaa54e1f810</p:guid>")
    old = body.replace(b"https://podcastindex.org/namespace/1.0", b"https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md")
    assert read_feed(old, URL).guid == read_feed(body, URL).guid == "917393E3-1b1e-5cef-ace4-edaa54e1f810"


GERMAN = "<title>Die Woche</title><description>Wir sprechen jede Woche über die wichtigsten Nachrichten aus Politik und Gesellschaft.</description>"
ENGLISH = "<title>The week</title><description>Every week we talk about the most important news of politics and society.</description>"


@pytest.mark.parametrize(
    ("channel", "language"),
    [
        (ENGLISH + "<language>en</language>", "en"),
        (ENGLISH + "<language>EN_us</language>", "en-us"),
        (GERMAN + "<language>de-DE</language>", "de-de"),
        (ENGLISH, "en"),
        (GERMAN, "de"),
        (GERMAN + "<language>english please</language>", "de"),
        (ENGLISH + "<language>und</language>", "en"),
        ("<title>X</title>", ""),
    ],
)
def test_the_language_is_the_tag_and_where_that_says_nothing_what_the_words_look_like(channel: str, language: str) -> None:
    assert feed_language(read_feed(rss(item(title="1"), channel=channel), URL)) == language


def test_a_feed_in_another_language_is_refused_with_its_language() -> None:
    feed = read_feed(rss(item(), channel=GERMAN), URL)
    with pytest.raises(SourceError) as error:
        core.check_language(feed, ("en",))
    assert error.value.reason == "language-de"
    assert core.check_language(feed, ("en", "de")) == core.check_language(feed, ()) == "de"
    assert detect("") == ""


def test_an_opml_list_is_read_in_any_letter_case_and_depth() -> None:
    body = b"""<OPML version="1.0"><body><outline text="f"><outline xmlURL=" https://a.org/1 "/></outline>
    <outline type="rss" XMLURL="https://a.org/2"/><outline text="no feed"/><outline xmlUrl="https://a.org/1"/></body></OPML>"""
    assert feed_urls(body, "x") == ["https://a.org/1", "https://a.org/2"]
    for bad in (b"", b"<rss/>", b"<html>"):
        with pytest.raises(SourceError, match="OPML"):
            feed_urls(bad, "x")
