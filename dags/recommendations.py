"""Listening becomes recommendations.

Every six hours: tastes are learned, lists are made and measured, and only a generation that passes is published.
Running a past interval again is safe: a generation is named after the data it was made of, so the same data give the same one.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG
from stages import DEFAULTS, TEMPLATES, one_after_the_other, stage

with DAG(
    dag_id="recommendations",
    schedule="30 */6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    template_searchpath=TEMPLATES,
    doc_md=__doc__,
    tags=["earshot"],
) as dag:
    one_after_the_other(stage("train_als"), stage("recommend"), stage("evaluate"), stage("publish"))
