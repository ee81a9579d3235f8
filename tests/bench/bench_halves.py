"""Does an episode's first half find its second half among all others? R@1 and MRR by the weight of the words: `python -m tests.bench.bench_halves`.

Encoding all sample episodes takes minutes; `--episodes` takes fewer. The weight is read on the same episodes, so the best row is a little flattering.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from jobs.embed import core as embed
from jobs.shared.settings import EncoderSettings
from jobs.shared.storage.encoder import open_encoder
from jobs.similarity import core as similarity
from tests.bench.samples import transcripts

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


def meaning(text: str) -> similarity.Vectors:
    """The half's vector, made like an episode's."""
    encoder = open_encoder(EncoderSettings())
    chunks = embed.chunks(embed.speech(text, ()), encoder.tokens(text), encoder.max_tokens, 32)
    return embed.pool(encoder.encode([chunk.text for chunk in chunks]))


def halves(text: str) -> tuple[str, str]:
    words = text.split()
    return " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])


def ranks(first: similarity.Vectors, second: similarity.Vectors) -> np.ndarray:
    """Rank of the right half for every query, in both directions."""
    cosines = first @ second.T
    right = cosines.diagonal()
    return np.concatenate([1 + (cosines > right[:, None]).sum(axis=1), 1 + (cosines > right[None, :]).sum(axis=0)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=72)
    arguments = parser.parse_args()
    texts = [" ".join(segment.text for segment in segments) for segments in transcripts().values()][: arguments.episodes]
    parts = [half for text in texts for half in halves(text)]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        meanings = np.array(list(pool.map(meaning, parts)))
    print(f"{len(texts)} episodes, {len(parts)} queries")
    print(f"{'lexical_dimension':>17} {'lexical_weight':>14} {'R@1':>6} {'MRR':>6}")
    for dimension in (1024, 4096):
        words = np.array([similarity.lexical_vector(part, dimension) for part in parts])
        for weight in WEIGHTS:
            mixed = similarity.mixed(meanings, words, weight)
            found = ranks(mixed[::2], mixed[1::2])
            print(f"{dimension:>17} {weight:>14} {(found == 1).mean():>6.3f} {(1 / found).mean():>6.3f}", flush=True)


if __name__ == "__main__":
    main()
