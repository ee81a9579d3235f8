"""A lake with a promoted generation, ready to be published."""

from datetime import UTC, datetime

import pyarrow as pa

from jobs.shared import tables
from jobs.shared.ports import TableWriter
from tests.support.planted import similar_by_topic

MADE_AT = datetime(2026, 11, 22, 10, 0, 0, 123_456, tzinfo=UTC)


def promote(lake: TableWriter, generation: str = "g1", *, users: int = 12, verdict: str = "promoted", made_at: datetime = MADE_AT, first: int = 0) -> None:
    """Lists of `users` listeners and of everybody else, three entries each from episode `first` on, and the verdict on them."""
    names = ["*", *(f"u{i:03}" for i in range(users))]
    rows = [
        {"generation": generation, "user_id": user, "rank": rank, "episode_id": f"e{(first + rank + place) % 20:02}", "score": 1.0 - rank / 10}
        | {"reasons": [{"kind": "popular", "text": f"popular this week ({generation})", "episode_id": None, "weight": 1.0}], "generated_at": made_at}
        for place, user in enumerate(names)
        for rank in (3, 1, 2)
    ]
    lake.replace(tables.RECOMMENDATIONS, pa.Table.from_pylist(rows, schema=tables.RECOMMENDATIONS.schema), [("generation", "=", generation)])
    judgement = [{"generation": generation, "metric": "ndcg@10", "value": 0.5, "verdict": verdict}]
    lake.replace(tables.EVALUATIONS, pa.Table.from_pylist(judgement, schema=tables.EVALUATIONS.schema), [("generation", "=", generation)])


def stock(lake: TableWriter) -> None:
    """Twenty episodes of two shows, with their neighbours."""
    ids = [f"e{i:02}" for i in range(20)]
    episodes = [
        {"episode_id": name, "podcast_id": f"p{i % 2}", "title": f"Episode {i}", "audio_url": f"https://a.example/{i}.mp3"} for i, name in enumerate(ids)
    ]
    lake.upsert(tables.EPISODES, pa.Table.from_pylist(episodes, schema=tables.EPISODES.schema))
    shows = [{"podcast_id": f"p{i}", "title": f"Show {i}"} for i in range(2)]
    lake.upsert(tables.PODCASTS, pa.Table.from_pylist(shows, schema=tables.PODCASTS.schema))
    lake.replace(tables.SIMILARITIES, similar_by_topic(ids, topics=2))
