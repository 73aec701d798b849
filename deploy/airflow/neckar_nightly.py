"""One night a day in Airflow: the date is the run's own, so a task that is cleared or backfilled is the same night."""

from __future__ import annotations

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="neckar_nightly",
    schedule="30 20 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
    catchup=False,  # a missed night is in the next one
    max_active_runs=1,
    tags=["neckar"],
):
    # 3 and 75 go on by the same command, which a retry is; 1 and 2 need a person. Airflow skips on no code of these.
    BashOperator(
        task_id="night",
        bash_command=(
            "neckar nightly {{ var.value.neckar_config }} --date {{ ds }} --json;"
            " code=$?; if [ $code -eq 1 ] || [ $code -eq 2 ]; then exit 99; fi; exit $code"
        ),
        retries=5,
        retry_delay=pendulum.duration(minutes=15),
        skip_on_exit_code=None,
    )
