"""Publishers' transcripts as they are really written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.shared.errors import SourceError
from jobs.transcribe.publisher import read_transcript

VTT, SRT, JSON, HTML, PLAIN = "text/vtt", "application/srt", "application/json", "text/html", "text/plain"


def read(text: str | bytes, kind: str, duration_s: float | None = None) -> list[tuple[float, float, str | None, str]]:
    body = text.encode() if isinstance(text, str) else text
    return [(one.start_s, one.end_s, one.speaker, one.text) for one in read_transcript(body, kind, duration_s)]


def test_vtt_with_and_without_hours_speakers_entities_and_settings() -> None:
    text = (
        "\ufeffWEBVTT - Show\r\n\r\nNOTE not said\r\n\r\nintro\r\n00:01.000 --> 00:02.500 align:start\r\n"
        "<v.loud Ann &amp; Co>Tom &amp; Jerry\r\n<i>run</i></v>\r\n\r\n"
        "01:00:00.000 --> 01:00:01.000\r\nstill Ann\r\n\r\n01:00:02.000 --> 01:00:04.000\r\n<v Bob>Hi <00:00:02.500>there. <v Ann & Co>Yes.\r\n"
    )
    assert read(text, VTT) == [
        (1.0, 2.5, "Ann & Co", "Tom & Jerry run"),
        (3600.0, 3601.0, "Ann & Co", "still Ann"),
        (3602.0, 3603.385, "Bob", "Hi there."),
        (3603.385, 3604.0, "Ann & Co", "Yes."),
    ]


def test_rolling_captions_count_once_and_overlapping_ones_stay() -> None:
    text = "WEBVTT\n\n00:00.000 --> 00:02.000\nhello\n\n00:01.500 --> 00:03.000\nhello\n\n00:02.000 --> 00:04.000\nworld\n"
    assert read(text, VTT) == [(0.0, 3.0, None, "hello"), (2.0, 4.0, None, "world")]


@pytest.mark.parametrize("comma", [",", "."])
@pytest.mark.parametrize("numbers", [True, False])
def test_srt_with_or_without_numbers_and_commas(comma: str, numbers: bool) -> None:
    text = "".join(f"{f'{n}{chr(10)}' if numbers else ''}00:00:0{n}{comma}000 --> 00:00:0{n}{comma}900\nline {n}\n\n" for n in range(1, 4))
    assert read(text, SRT) == [(float(n), n + 0.9, None, f"line {n}") for n in range(1, 4)]


def test_a_name_before_a_colon_is_a_speaker_where_it_comes_again() -> None:
    lines = ["Ann Lee: One.", "Two.", "Bob: Three.", "Note: this is no person.", "Ann Lee: Four.", "Bob: Five."]
    text = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},500\n{line}\n\n" for n, line in enumerate(lines))
    assert [(one[2], one[3]) for one in read(text, SRT)] == [
        ("Ann Lee", "One."),
        ("Ann Lee", "Two."),
        ("Bob", "Three."),
        ("Bob", "Note: this is no person."),
        ("Ann Lee", "Four."),
        ("Bob", "Five."),
    ]


def test_json_whose_speakers_and_ends_are_missing() -> None:
    text = """{"version":"1.0.0","segments":[{"speaker":"Ann","startTime":0.5,"endTime":1,"body":"One two three"},
      {"startTime":"2","body":"Four five &amp; six"},{"startTime":5,"endTime":null,"body":"Seven eight nine ten eleven"},
      {"body":5},"x",{"startTime":NaN,"body":" "}]}"""
    assert read(text, JSON) == [
        (0.5, 1.0, "Ann", "One two three"),
        (2.0, 5.0, "Ann", "Four five & six"),
        (5.0, 7.0, "Ann", "Seven eight nine ten eleven"),
    ]


def test_json_of_single_words_becomes_sentences() -> None:
    words = ["Hello", "dear", "world.", "And", "bye."]
    text = '{"segments":[' + ",".join(f'{{"startTime":{n},"endTime":{n}.5,"body":"{word}"}}' for n, word in enumerate(words)) + "]}"
    assert read(text, JSON) == [(0.0, 2.5, None, "Hello dear world."), (3.0, 4.5, None, "And bye.")]


def test_html_with_few_times() -> None:
    text = "<html><head><title>no</title></head><body><cite>Ann:</cite><time>0:10</time><p>One &amp; two</p><p>three</p>"
    text += "<cite>Bob</cite><time>1:00:00</time><p>four</p></body>"
    assert read(text, HTML, 3602.0) == [
        (10.0, pytest.approx(2317.857), "Ann", "One & two"),
        (pytest.approx(2317.857), 3600.0, "Ann", "three"),
        (3600.0, pytest.approx(3600.4), "Bob", "four"),
    ]


def test_plain_text_is_spread_over_the_episode_by_its_characters() -> None:
    assert read("Ann: aaaa\n\nBob: bbbbbbbb\n\nAnn: cccc\n\nBob: dddd", PLAIN, 20.0) == [
        (0.0, 4.0, "Ann", "aaaa"),
        (4.0, 12.0, "Bob", "bbbbbbbb"),
        (12.0, 16.0, "Ann", "cccc"),
        (16.0, 20.0, "Bob", "dddd"),
    ]


def test_plain_text_of_unknown_length_is_one_segment() -> None:
    assert read("One.\n\nTwo.", PLAIN) == [(0.0, 0.0, None, "One. Two.")]


def test_long_untimed_text_is_cut_at_sentences() -> None:
    found = read(" ".join(f"This is sentence number {n} of many." for n in range(100)), PLAIN, 600.0)
    assert len(found) > 5
    assert all(text.startswith("This") and text.endswith(".") for *_rest, text in found)


@pytest.mark.parametrize("body", ["Café".encode(), "Café".encode("cp1252"), "Café".encode("utf-16"), b"\xef\xbb\xbf" + "Café".encode(), "Ca\0fé".encode()])
def test_every_usual_encoding_is_read(body: bytes) -> None:
    assert read(body, PLAIN)[0][3] == "Café"


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("", VTT, "empty-transcript"),
        ("WEBVTT\n\n", VTT, "empty-transcript"),
        ("<html><body>Sign in</body></html>", VTT, "not-a-transcript"),
        ("hello", SRT, "not-a-transcript"),
        ("{", JSON, "not-a-transcript"),
        ("[]", JSON, "not-a-transcript"),
        ('{"segments": []}', JSON, "empty-transcript"),
        ("<!DOCTYPE html><p>Sign in</p>", PLAIN, "not-a-transcript"),
        ("  \n ", PLAIN, "empty-transcript"),
        ("<p></p>", HTML, "empty-transcript"),
        ("words", "application/pdf", "not-a-transcript"),
    ],
)
def test_what_is_no_transcript_has_a_reason(text: str, kind: str, reason: str) -> None:
    with pytest.raises(SourceError) as error:
        read(text, kind)
    assert error.value.reason == reason


@given(
    st.text(max_size=300),
    st.sampled_from([VTT, SRT, JSON, HTML, PLAIN]),
    st.sampled_from(["", "WEBVTT\n\n00:00.000 --> 00:01.000\n", "<p>", '{"segments":[{"body":"']),
)
def test_whatever_is_sent_is_either_refused_or_ordered_in_time(text: str, kind: str, start: str) -> None:
    try:
        found = read_transcript((start + text).encode("utf-8", errors="replace"), kind, 60.0)
    except SourceError:
        return
    assert found
    assert all(0 <= one.start_s <= one.end_s and one.text for one in found)
    assert [one.start_s for one in found] == sorted(one.start_s for one in found)
