"""Settings of transcribe."""

from typing import Literal

from pydantic import Field

from jobs.shared.settings import HttpSettings, KafkaSettings, LakeSettings, Section, StageSettings


class WhisperSettings(Section):
    """The speech model and what it runs on."""

    model: str = Field("packaged", min_length=1)
    """packaged (tiny.en, comes with Earshot), the folder of a CTranslate2 model, or a name that faster-whisper downloads."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: Literal["auto", "int8", "int8_float16", "float16", "bfloat16", "float32"] = "auto"
    """auto is int8 on processors and float16 on a GPU."""
    batch_size: int = Field(4, ge=1, le=256)
    """Stretches of speech that one worker decodes at once."""
    beam_size: int = Field(1, ge=1, le=10)
    workers: int | Literal["auto"] = Field("auto", ge=1, le=64)
    """Episodes that are heard at once; auto is one for each available processor, and one on a GPU."""
    threads: int | Literal["auto"] = Field("auto", ge=1, le=64)
    """Processor threads of each worker; auto shares the available processors out, so that there are never more threads than them."""
    max_duration_s: float = Field(14_400, ge=1, le=86_400)
    """Longer audio is refused; an hour takes 350 MB of memory a worker."""


class TranscribeSettings(StageSettings):
    lake: LakeSettings
    kafka: KafkaSettings
    http: HttpSettings = HttpSettings()
    whisper: WhisperSettings = WhisperSettings()
    max_episodes: int = Field(1_000, ge=1, le=1_000_000)
    """Records that one run takes from the topic at most."""
    batch: int = Field(16, ge=1, le=500)
    """Records between two commits of offsets; results are written more often."""
    idle_s: float = Field(2.0, gt=0, le=600)
    """The run ends after this silence on the topic."""
    max_attempts: int = Field(3, ge=1, le=100)
    """Tries of an episode before it is left alone."""
    downloads: int = Field(8, ge=1, le=64)
    """Publishers' transcripts that are fetched at once, though never two from one host."""
    max_transcript_bytes: int = Field(20_000_000, ge=1_000, le=500_000_000)
    max_audio_bytes: int = Field(500_000_000, ge=1_000, le=10_000_000_000)
    """Larger audio is refused."""
    audio_timeout_s: float = Field(1_800, gt=0, le=86_400)
    """Time for one whole download of audio."""
    flush_items: int = Field(24, ge=1, le=1_000)
    """Finished episodes that are written in one go."""
    flush_s: float = Field(10.0, gt=0, le=600)
    """Longest time that a finished episode waits to be written."""
    scratch_dir: str | None = None
    """Folder for audio while it is heard; the system's folder for temporary files where none is given."""
