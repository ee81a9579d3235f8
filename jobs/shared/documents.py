"""Every collection of the document store, declared once: what `publish` writes and front ends read."""

from dataclasses import dataclass

from pydantic import AwareDatetime, Field

from jobs.shared.models import Model

DEFAULT_USER = "*"
"""The list for a listener without one of their own: a front end reads it where `_id` = user_id finds nothing."""


class Reason(Model):
    """Why an entry is in a list: a kind to count, and a sentence to show."""

    kind: str
    """collaborative, similar, popular or fresh"""
    text: str
    episode_id: str | None = None
    """The episode that the reason rests on, where there is one."""
    weight: float
    """Share of the entry's score that this reason brought, 0 to 1."""


class RecommendedEpisode(Model):
    recommended_episode_id: str
    score: float = Field(ge=0, le=1)
    reasons: tuple[Reason, ...]
    title: str
    podcast: str
    audio_url: str


class UserRecommendations(Model):
    """One listener's list, best first: one read by `_id` serves a page."""

    user_id: str
    generation: str
    edition: str
    """Names the publication that wrote the document; documents of older editions are removed once all are written."""
    generated_at: AwareDatetime
    recommendations: tuple[RecommendedEpisode, ...]


class SimilarEpisode(Model):
    similar_episode_id: str
    score: float
    title: str
    podcast: str
    audio_url: str


class SimilarEpisodes(Model):
    """The nearest episodes of one episode, best first."""

    episode_id: str
    edition: str
    similar: tuple[SimilarEpisode, ...]


class Publication(Model):
    """What a collection holds, written last: a publication without this document is not complete."""

    collection: str
    edition: str
    generation: str
    published_at: AwareDatetime
    documents: int


@dataclass(frozen=True)
class Collection:
    """A collection of `payload` documents; `_id` is their `key`."""

    name: str
    key: str
    payload: type[Model]


FINAL_RECOMMENDATIONS = Collection("final_recommendations", "user_id", UserRecommendations)
SIMILAR_EPISODES = Collection("similar_episodes", "episode_id", SimilarEpisodes)
PUBLICATIONS = Collection("publications", "collection", Publication)

ALL = (FINAL_RECOMMENDATIONS, SIMILAR_EPISODES, PUBLICATIONS)

FLAT_VIEW = "final_recommendations_flat"
"""View of final_recommendations with one row a pair: user_id, recommended_episode_id, score, generated_at."""
