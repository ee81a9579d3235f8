"""The whole platform once, with simulated listeners.

On demand: feeds, texts, vectors, then listeners with planted tastes, whose events the running stream stores, then recommendations.
It needs feeds (`samples.enabled`, or feeds of your own). Running it again adds another day of listening and nothing twice.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG
from stages import DEFAULTS, TEMPLATES, one_after_the_other, stage

with DAG(
    dag_id="demo",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    template_searchpath=TEMPLATES,
    doc_md=__doc__,
    tags=["earshot", "demo"],
) as dag:
    one_after_the_other(
        stage("fetch_metadata"),
        stage("transcribe"),
        stage("embed"),
        stage("similarity"),
        stage("simulate_events"),
        stage("stream_events", ("--wait",)),
        stage("train_als"),
        stage("recommend"),
        stage("evaluate"),
        stage("publish"),
        stage("maintain"),
    )
