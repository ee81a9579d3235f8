"""Tables stay small and quick.

Every night: small files are written together, checkpoints are made, unused files leave after their retention.
Running a past interval again is safe: what is compact already is left alone.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG
from stages import DEFAULTS, TEMPLATES, stage

with DAG(
    dag_id="maintenance",
    schedule="15 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    template_searchpath=TEMPLATES,
    doc_md=__doc__,
    tags=["earshot"],
) as dag:
    stage("maintain")
