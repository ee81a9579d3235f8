"""What a listener is served, from the document store."""

from dataclasses import dataclass

from jobs.shared.documents import DEFAULT_USER, FINAL_RECOMMENDATIONS, SIMILAR_EPISODES, SimilarEpisodes, UserRecommendations
from jobs.shared.ports import DocumentReader

OFFERED = 500
"""Listeners offered for choice; any other id can be typed."""


@dataclass(frozen=True)
class Served:
    """The list for one listener; `personal` is False where it is everybody's list, for somebody without history."""

    recommendations: UserRecommendations
    personal: bool


def ids(documents: DocumentReader) -> list[str]:
    """The first listeners that have a list of their own, by id."""
    return [user_id for user_id in documents.keys(FINAL_RECOMMENDATIONS, OFFERED + 1) if user_id != DEFAULT_USER]


def served(documents: DocumentReader, user_id: str) -> Served | None:
    """The listener's own list, else the one for new listeners, None where nothing was published."""
    if user_id and user_id != DEFAULT_USER:
        own = documents.get(FINAL_RECOMMENDATIONS, user_id)
        if own is not None:
            return Served(own, personal=True)
    default = documents.get(FINAL_RECOMMENDATIONS, DEFAULT_USER)
    return Served(default, personal=False) if default is not None else None


def similar(documents: DocumentReader, episode_id: str) -> SimilarEpisodes | None:
    """The nearest episodes of one episode."""
    found: SimilarEpisodes | None = documents.get(SIMILAR_EPISODES, episode_id)
    return found
