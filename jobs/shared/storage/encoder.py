"""Opens the encoder that the settings name; importing this module loads no model library."""

from functools import lru_cache
from pathlib import Path

from jobs.shared.ports import Encoder
from jobs.shared.settings import EncoderSettings

PACKAGED_MODEL = "all-MiniLM-L6-v2-int8"


def model_name(settings: EncoderSettings) -> str:
    """The name that the encoder's vectors carry, known without loading it."""
    return Path(settings.model).name if settings.kind == "onnx" and settings.model else settings.model or PACKAGED_MODEL


# Spark keeps its Python workers: one model a worker instead of one a task.
@lru_cache(maxsize=1)
def open_encoder(settings: EncoderSettings) -> Encoder:
    """The encoder, loaded once a process."""
    if settings.kind == "onnx":
        from jobs.shared.storage.onnx_encoder import OnnxEncoder

        return OnnxEncoder(settings, model_name(settings))
    from jobs.shared.storage.sentence_transformers_encoder import SentenceTransformersEncoder

    return SentenceTransformersEncoder(settings, model_name(settings))
