"""Sentence encoder on sentence-transformers: any model it knows, on a GPU where there is one. Importing this module imports torch."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from jobs.shared.errors import EncodingError, SettingsError
from jobs.shared.settings import EncoderSettings


class SentenceTransformersEncoder:
    """A sentence-transformers model with unit vectors."""

    def __init__(self, settings: EncoderSettings, model: str) -> None:
        try:
            self._encoder = SentenceTransformer(settings.model, device=None if settings.device == "auto" else settings.device)
        except (OSError, ValueError, RuntimeError) as error:
            raise SettingsError(f"encoder.model: cannot load {settings.model!r} on {settings.device}: {error}") from error
        if self._encoder.device.type == "cpu":
            torch.set_num_threads(settings.threads)
        self._model = model
        self._tokenizer = self._encoder.tokenizer
        self._special = int(self._tokenizer.num_special_tokens_to_add(pair=False))
        self._batch_size = max(1, settings.batch_tokens // self._window)

    @property
    def model(self) -> str:
        return self._model

    @property
    def dimension(self) -> int:
        return int(self._encoder.get_sentence_embedding_dimension())

    @property
    def max_tokens(self) -> int:
        return self._window - self._special

    @property
    def _window(self) -> int:
        return int(self._encoder.get_max_seq_length())

    def tokens(self, text: str) -> NDArray[np.int64]:
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False)
        return np.array(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        try:
            vectors = self._encoder.encode(list(texts), batch_size=self._batch_size, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
        except RuntimeError as error:
            raise EncodingError("encoder-failed", f"sentence-transformers: {error}") from error
        return np.asarray(vectors, dtype=np.float32)
