"""The packaged model hears speech, keeps silent in silence, and says what is wrong with a file."""

import io
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.shared.errors import AudioError, SettingsError
from jobs.shared.storage.whisper import SAMPLE_RATE, Hardware, WhisperSpeech, choose, decode

AUDIO = Path(__file__).parents[3] / "demo" / "samples" / "audio"
RNG = np.random.default_rng(1)


@pytest.fixture(scope="module")
def speech() -> WhisperSpeech:
    return WhisperSpeech("packaged", choose("cpu", "auto", 1, 1), batch_size=4, beam_size=1, max_duration_s=600)


def wav(samples: np.ndarray, rate: int = SAMPLE_RATE) -> io.BytesIO:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return target


def encoded(form: str, codec: str, samples: np.ndarray) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=form) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray((samples * 32_767).astype(np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for piece in av.AudioResampler(format=stream.format, layout="mono", rate=SAMPLE_RATE, frame_size=1024).resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return target.getvalue()


def test_a_president_is_heard_with_times(speech: WhisperSpeech) -> None:
    with (AUDIO / "kennedy-inaugural.mp3").open("rb") as audio:
        speaking = speech.transcribe(audio, "en-us")
    text = " ".join(segment.text for segment in speaking.segments).lower()
    assert "ask not what your country can do for you" in text
    assert speaking.duration_s == pytest.approx(11, abs=0.2)
    assert 0 <= speaking.segments[0].start_s < speaking.segments[-1].end_s <= speaking.duration_s + 0.5
    assert (speaking.language, speech.model) == ("en", "tiny.en")


@pytest.mark.parametrize(
    "samples",
    [np.zeros(20 * SAMPLE_RATE), RNG.normal(0, 0.05, 20 * SAMPLE_RATE).clip(-1, 1), 0.3 * np.sin(np.arange(20 * SAMPLE_RATE) * 2 * np.pi * 440 / SAMPLE_RATE)],
    ids=["silence", "noise", "a tone"],
)
def test_where_nobody_speaks_no_words_are_invented(speech: WhisperSpeech, samples: np.ndarray) -> None:
    assert speech.transcribe(wav(samples), "en").segments == ()


def reason(audio: bytes, max_duration_s: float = 60) -> str:
    with pytest.raises(AudioError) as error:
        decode(io.BytesIO(audio), max_duration_s)
    return error.value.reason


TONE = 0.3 * np.sin(np.arange(30 * SAMPLE_RATE) * 0.1)


def test_what_cannot_be_heard_has_a_reason() -> None:
    assert reason(b"") == "empty"
    assert reason(b"<html>Sign in</html>" * 100) == "not-audio"
    assert reason(RNG.bytes(100_000)) == "not-audio"
    assert reason(wav(TONE).getvalue(), max_duration_s=10) == "too-long"


@pytest.mark.parametrize(("form", "codec"), [("mp3", "libmp3lame"), ("flac", "flac"), ("ipod", "aac")])
def test_a_file_that_was_cut_off_is_told_and_a_whole_one_is_heard(form: str, codec: str) -> None:
    whole = encoded(form, codec, TONE)
    assert len(decode(io.BytesIO(whole), 60)) == pytest.approx(30 * SAMPLE_RATE, rel=0.01)
    # Without its end, an MP4 has no table of contents.
    assert reason(whole[: len(whole) // 2]) == ("not-audio" if form == "ipod" else "truncated")


@pytest.mark.parametrize(
    "playlist", [f"#EXTM3U\n#EXTINF:5,\nfile://{AUDIO}/kennedy-inaugural.mp3\n", f"ffconcat version 1.0\nfile '{AUDIO}/kennedy-inaugural.mp3'\n"]
)
def test_a_playlist_in_disguise_opens_nothing(playlist: str) -> None:
    assert reason(playlist.encode()) == "not-audio"


def test_stereo_and_other_rates_become_what_the_model_wants() -> None:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(struct.pack("<hh", 1000, 1000) * 44_100)
    assert len(decode(target, 60)) == pytest.approx(SAMPLE_RATE, rel=0.01)


def test_a_language_that_the_model_does_not_know_is_told(speech: WhisperSpeech) -> None:
    with pytest.raises(AudioError) as error:
        speech.transcribe(wav(TONE), "de-de")
    assert error.value.reason == "model-language"


@pytest.mark.parametrize("cpus", [1, 2, 3, 8])
@pytest.mark.parametrize("workers", ["auto", 1, 2])
@pytest.mark.parametrize("threads", ["auto", 1])
def test_automatic_sizes_never_exceed_the_processors(cpus: int, workers: int | str, threads: int | str) -> None:
    chosen = choose("cpu", "auto", workers, threads, cpus)
    assert chosen.workers * chosen.threads <= max(cpus, chosen.workers)
    assert (chosen.device, chosen.compute_type) == ("cpu", "int8")
    assert choose("cpu", "auto", "auto", "auto", cpus) == Hardware("cpu", "int8", cpus, 1)


def test_a_gpu_gets_one_worker_and_half_precision() -> None:
    assert choose("cuda", "auto", "auto", "auto", 8) == Hardware("cuda", "float16", 1, 8)


def test_a_folder_without_a_model_is_a_matter_of_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"model\.bin"):
        WhisperSpeech(str(tmp_path), Hardware("cpu", "int8", 1, 1), batch_size=1, beam_size=1, max_duration_s=1)
