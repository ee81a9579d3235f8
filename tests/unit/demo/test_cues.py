"""Times and cues made from Markdown transcripts."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.samples.cues import Cue, cues_from_markdown
from demo.samples.formats import transcript

SENTENCE = "One two three four five six seven eight nine ten. "


def test_words_between_two_marks_share_the_time_evenly():
    text = f"**Ann:** {SENTENCE * 10}\n\n**Bob:** \\[00:50\\] {SENTENCE * 10}\n\n**Ann:** \\[01:20\\] Bye."
    cues = cues_from_markdown(text)
    bob = [cue for cue in cues if cue.speaker == "Bob"]
    assert bob[0].start_s == pytest.approx(50)
    assert bob[-1].end_s == pytest.approx(80)
    assert all((cue.end_s - cue.start_s) / len(cue.text.split()) == pytest.approx(0.3) for cue in bob)


def test_time_left_over_before_a_mark_is_silence_not_slow_speech():
    cues = cues_from_markdown("**Ann:** Ten words in all are said before a long break.\n\n**Ann:** \\[04:00\\] Back again.")
    assert [(cue.start_s, cue.end_s) for cue in cues] == [pytest.approx((0, 6.0)), pytest.approx((240, 240.8))]


def test_a_mark_that_runs_backwards_is_ignored():
    cues = cues_from_markdown(f"**Ann:** {SENTENCE}\n\n**Bob:** \\[01:00\\] {SENTENCE}\n\n**Ann:** \\[00:59\\] {SENTENCE}")
    assert [round(cue.start_s) for cue in cues] == [0, 60, 64]


def test_an_hour_mark_and_a_break_are_read_and_not_spoken():
    cues = cues_from_markdown("**Ann:** Hello.\n\n**Break:** \\[20:30\\]\n\n**Ann:** Back.\n\nMore.\n\n**Ann:** \\[01:00:10.25\\] Bye.")
    assert [(cue.speaker, cue.text, cue.start_s) for cue in cues] == [
        ("Ann", "Hello.", 0),
        ("Ann", "Back.", 1230),
        ("Ann", "More.", pytest.approx(1230.6)),
        ("Ann", "Bye.", 3610),
    ]


def test_sounds_links_and_escapes_leave_only_what_was_said():
    markdown = (
        r"**Ann:** \[laughs\] See [the docs](https://x.example/a_b), C\# or `go test` \[unintelligible 00:12:01.10\], look \[at\] it [laughter]. \[laughs["
    )
    assert [cue.text for cue in cues_from_markdown(markdown)] == ["See the docs, C# or go test, look at it."]


def test_a_sentence_too_long_for_a_cue_is_cut_after_a_clause_and_keeps_every_word():
    sentence = ", ".join(["word " * 11 + f"clause{number}" for number in range(8)]) + "."
    cues = cues_from_markdown(f"**Ann:** {sentence}")
    assert " ".join(cue.text for cue in cues) == sentence
    assert len(cues) == 2
    assert cues[0].text.endswith("clause3,")


@given(st.lists(st.tuples(st.sampled_from(["Ann", "Bob"]), st.text("abc .,", min_size=1, max_size=900)), min_size=1, max_size=8))
def test_no_word_is_lost_and_every_cue_keeps_its_limits(turns):
    markdown = "\n\n".join(f"**{speaker}:** {text}" for speaker, text in turns if max(map(len, text.split()), default=0) <= 100)
    cues = cues_from_markdown(markdown)
    said = re.sub(r"[^abc]", "", " ".join(line.partition(":**")[2] for line in markdown.splitlines()))
    assert re.sub(r"[^abc]", "", " ".join(cue.text for cue in cues)) == said
    assert all(len(cue.text) <= 280 and 0 < cue.end_s - cue.start_s <= 20.001 for cue in cues)
    assert all(before.end_s <= after.start_s + 1e-6 for before, after in itertools.pairwise(cues))


def test_vtt_names_the_voice_where_it_changes_and_escapes_markup():
    cues = [Cue(0, 1.5, "Ann", "a < b & c"), Cue(1.5, 2, "Ann", "So."), Cue(3599.9996, 3601, "Bob", "Yes.")]
    assert transcript(cues, "vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Ann>a &lt; b &amp; c\n\n00:00:01.500 --> 00:00:02.000\nSo.\n\n01:00:00.000 --> 01:00:01.000\n<v Bob>Yes.\n"
    )
