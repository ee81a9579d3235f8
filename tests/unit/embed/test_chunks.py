"""What chunks promise, for any transcript."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.embed import core
from jobs.shared.storage.memory import MemoryEncoder

TOKENS = MemoryEncoder().tokens
WORDS = st.sampled_from(["alpha", "it's", "b", "e.g.", "word", "naïve", "3.5", "x" * 30, "a-b-c-d-e-f-g-h", "end.", "why?", 'so!"', "…"])
SEGMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "start_s": st.floats(0, 3600),
            "end_s": st.floats(0, 3600),
            "speaker": st.sampled_from([None, "Ann", "Ben"]),
            "text": st.lists(WORDS, max_size=12).map(" ".join),
        }
    ),
    max_size=10,
)


def cut(spoken: core.Speech, max_tokens: int = 20, overlap: int = 5) -> list[core.Chunk]:
    return core.chunks(spoken, TOKENS(spoken.text), max_tokens, overlap)


def sentences(count: int, words: int) -> str:
    return " ".join(" ".join(f"s{sentence}w{word}" for word in range(words - 1)) + f" s{sentence}end." for sentence in range(count))


@settings(deadline=None)
@given(segments=SEGMENTS, max_tokens=st.integers(4, 30), overlap=st.integers(0, 10))
def test_chunks_hold_every_token_in_order_within_their_bounds(segments: list[dict], max_tokens: int, overlap: int) -> None:
    spoken = core.speech("", segments)
    overlap = min(overlap, max_tokens // 2)
    found = cut(spoken, max_tokens, overlap)
    tokens = [spoken.text[start:end] for start, end in TOKENS(spoken.text)]
    # Every number of tokens that the chunks so far may have covered: the same words can stand in several places.
    covered = {0}
    for chunk in found:
        own = [chunk.text[start:end] for start, end in TOKENS(chunk.text)]
        assert 0 < len(own) <= max_tokens
        begins = {begin for end in covered for begin in range(max(end - overlap, 0), end + 1) if tokens[begin : begin + len(own)] == own}
        covered = {begin + len(own) for begin in begins if begin + len(own) > min(covered)}
        assert covered
    assert len(tokens) in covered


@given(segments=SEGMENTS)
def test_times_never_run_backwards_and_stay_inside_the_episode(segments: list[dict]) -> None:
    found = cut(core.speech("", segments))
    for chunk in found:
        assert chunk.start_s is not None
        assert chunk.end_s is not None
        assert 0 <= chunk.start_s <= chunk.end_s <= 3600
    assert [chunk.start_s for chunk in found] == sorted(chunk.start_s for chunk in found)
    assert [chunk.end_s for chunk in found] == sorted(chunk.end_s for chunk in found)


def test_a_sentence_that_fits_is_never_cut_and_the_last_one_is_repeated() -> None:
    found = cut(core.speech(sentences(9, 5), ()), max_tokens=20, overlap=6)
    assert all(chunk.text.endswith("end.") for chunk in found)
    assert found[1].text.startswith("s2w0")
    assert found[0].text.endswith("s2end.")


def test_a_short_answer_after_a_long_sentence_is_repeated_too() -> None:
    found = cut(core.speech(f"{sentences(1, 15)} Yes. {sentences(1, 14)}", ()), max_tokens=20, overlap=6)
    assert [chunk.text.split()[0] for chunk in found] == ["s0w0", "Yes."]


def test_a_sentence_longer_than_a_chunk_is_cut_between_words_and_still_overlaps() -> None:
    words = [f"word{index}" for index in range(50)]
    found = cut(core.speech(" ".join(words), ()), max_tokens=20, overlap=5)
    assert all(word in words for chunk in found for word in chunk.text.split())
    assert found[1].text.split()[0] == "word15"


def test_another_speaker_begins_a_new_sentence() -> None:
    turns = [{"start_s": index, "end_s": index + 1, "speaker": "AB"[index % 2], "text": f"no full stop {index}"} for index in range(6)]
    found = cut(core.speech("", turns), max_tokens=9, overlap=0)
    assert [chunk.text.split()[-1] for chunk in found] == ["1", "3", "5"]


def test_times_inside_a_segment_are_interpolated_by_its_letters() -> None:
    segments = [{"start_s": 100.0, "end_s": 140.0, "speaker": None, "text": "aaaa bbbb. cccc dddd."}]
    found = cut(core.speech("", segments), max_tokens=3, overlap=0)
    assert [chunk.text for chunk in found] == ["aaaa bbbb.", "cccc dddd."]
    assert found[0].start_s == 100.0
    assert found[0].end_s == pytest.approx(100 + 40 * 10 / 21)
    assert found[1].start_s == pytest.approx(100 + 40 * 11 / 21)
    assert found[1].end_s == 140.0


def test_a_transcript_without_times_has_chunks_without_times() -> None:
    assert cut(core.speech("just  plain\ntext.", ())) == [core.Chunk(None, None, "just plain text.")]
    assert cut(core.speech("", [])) == []


def test_the_vector_of_an_episode_is_the_unit_mean_of_its_chunks() -> None:
    pooled = core.pool(np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32))
    assert pooled == pytest.approx(np.array([1, 1, 0]) / np.sqrt(2))
