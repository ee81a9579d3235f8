"""New episodes become searchable.

Every hour: the feeds are read, new episodes get their text and their vectors, and the nearest episodes of each are found.
A stage that finds nothing new ends within seconds. Running a past interval again is safe: every write is keyed, and no stage
looks at the interval, only at what is not done yet.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG
from stages import DEFAULTS, TEMPLATES, one_after_the_other, stage

with DAG(
    dag_id="new_episodes",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    template_searchpath=TEMPLATES,
    doc_md=__doc__,
    tags=["earshot"],
) as dag:
    one_after_the_other(stage("fetch_metadata"), stage("transcribe"), stage("embed"), stage("similarity"))
