"""What the pipeline has made so far, and what failed."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from dashboard.queries.lake import Lake
from jobs.shared.documents import FINAL_RECOMMENDATIONS, PUBLICATIONS, SIMILAR_EPISODES, Publication
from jobs.shared.errors import StorageError
from jobs.shared.ports import DocumentReader
from jobs.shared.tables import ALL, EVALUATIONS, PODCASTS, TRANSCRIPTION_ATTEMPTS, Table


@dataclass(frozen=True)
class TableState:
    """One table at its newest version; `rows` and `committed_at` are None for a table that was never written."""

    table: Table
    rows: int | None
    files: int
    size_bytes: int
    committed_at: datetime | None


def state(lake: Lake, table: Table) -> TableState:
    """Size and freshness from the log alone."""
    opened = lake.open(table)
    if opened is None:
        return TableState(table, None, 0, 0, None)
    newest = lake.delta.newest(table)
    try:
        files = pa.table(opened.get_add_actions(flatten=True))
    except (DeltaError, OSError) as error:
        raise StorageError(f"cannot read the log of the Delta table {lake.address(table)}: {error}") from error
    return TableState(
        table,
        rows=int(pc.sum(files["num_records"]).as_py() or 0),
        files=files.num_rows,
        size_bytes=int(pc.sum(files["size_bytes"]).as_py() or 0),
        committed_at=newest.committed_at if newest else None,
    )


def states(lake: Lake) -> list[TableState]:
    """Every declared table."""
    return [state(lake, table) for table in ALL]


def failed_attempts(lake: Lake) -> pa.Table:
    """What went wrong in transcription: reason, attempts, episodes, recovered (episodes done all the same), latest, example; most frequent first."""
    return lake.query(
        """WITH done AS (SELECT DISTINCT episode_id FROM transcription_attempts WHERE outcome = 'done')
        SELECT reason, count(*) AS attempts, count(DISTINCT episode_id) AS episodes, count(DISTINCT done.episode_id) AS recovered,
            max(attempted_at) AS latest, arg_max(error, attempted_at) AS example
        FROM transcription_attempts LEFT JOIN done USING (episode_id) WHERE coalesce(reason, '') <> '' GROUP BY reason ORDER BY attempts DESC, reason""",
        may_use=(TRANSCRIPTION_ATTEMPTS,),
    )


def failed_feeds(lake: Lake) -> pa.Table:
    """Feeds whose last fetch failed: podcast, reason, fetched_at, feed_url."""
    return lake.query(
        """SELECT coalesce(nullif(title, ''), feed_url) AS podcast, last_error AS reason, last_fetched_at AS fetched_at, feed_url
        FROM podcasts WHERE coalesce(last_error, '') <> '' ORDER BY last_fetched_at DESC, feed_url""",
        may_use=(PODCASTS,),
    )


def evaluations(lake: Lake) -> pa.Table:
    """Every evaluated generation's metrics, newest generation first."""
    return lake.query("SELECT * FROM evaluations ORDER BY generation DESC, metric", may_use=(EVALUATIONS,))


def publications(documents: DocumentReader) -> list[Publication]:
    """What front ends read now; a collection without a complete publication is left out."""
    found = [documents.get(PUBLICATIONS, collection.name) for collection in (FINAL_RECOMMENDATIONS, SIMILAR_EPISODES)]
    return [publication for publication in found if publication is not None]
