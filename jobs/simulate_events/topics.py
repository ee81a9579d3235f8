"""Topics of the catalogue, found in what is said; the only module of this stage that loads scikit-learn."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfVectorizer

WORD = r"(?u)\b[^\W\d_]{4,}\b"
"""Four letters or more."""
MOST = 0.6
"""Share of the episodes from which a word is too common to tell topics apart."""
MOST_WORDS = 5000
TERMS_PER_TOPIC = 10
STRONG_QUANTILE = 0.95
"""The episode at this quantile of a topic, and all above it, are wholly about it."""


class TopicModel:
    """TF-IDF of the catalogue. A topic is its list of terms, so that a taste means the same when episodes are added."""

    def __init__(self, texts: Sequence[str]) -> None:
        vectorizer = TfidfVectorizer(stop_words="english", token_pattern=WORD, sublinear_tf=True)
        words = vectorizer.build_analyzer()
        documents = Counter(word for text in texts for word in set(words(text)))
        # Words of one episode make no topic, nor do words of nearly all; where nothing else is left, they have to.
        shared = [word for word, count in documents.items() if 2 <= count <= MOST * len(texts)]
        vectorizer.vocabulary = sorted(sorted(shared or documents, key=lambda word: (-documents[word], word))[:MOST_WORDS])
        # A catalogue of empty texts has no words, and then no topics.
        self._empty = not vectorizer.vocabulary
        if not self._empty:
            self._weights = vectorizer.fit_transform(texts)
            self._column = vectorizer.vocabulary_
            self._terms = vectorizer.get_feature_names_out()

    def find(self, count: int, seed: int) -> list[str]:
        """Up to `count` topics, each as its strongest terms joined by spaces (non-negative matrix factorisation)."""
        if self._empty:
            return []
        count = min(count, *self._weights.shape)
        model = NMF(n_components=count, init="nndsvda", random_state=seed, max_iter=300, tol=1e-3)
        model.fit(self._weights)
        return [" ".join(self._terms[np.argsort(-row, kind="stable")[:TERMS_PER_TOPIC]]) for row in model.components_]

    def affinity(self, topics: Sequence[str]) -> NDArray[np.floating[Any]]:
        """How much each episode (row) is about each topic (column), 0 to 1."""
        rows = 0 if self._empty else self._weights.shape[0]
        loads = np.zeros((rows, len(topics)))
        for position, topic in enumerate(topics):
            columns = [self._column[term] for term in topic.split() if term in self._column]
            if columns:
                load = np.asarray(self._weights[:, columns].sum(axis=1)).ravel()
                loads[:, position] = np.clip(load / max(float(np.quantile(load, STRONG_QUANTILE)), 1e-9), 0, 1)
        # Rounded, so that the last bits of another machine's arithmetic decide nothing.
        rounded: NDArray[np.floating[Any]] = np.round(loads, 6)
        return rounded
