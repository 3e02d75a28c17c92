"""Mail users about events every two minutes, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.notifications.operator import SendNotifications
from recomamp.pipeline.system_dag import BEFORE_RUNS, system_dag

with system_dag(
    "recomamp_notifications",
    description="Mails users about failed runs, late windows, failed checks and other events",
    doc_md=(
        "Sends the rows of `notifications` by mail: failed runs, late windows, results that fail "
        "a check or have other columns, collections that ended, consents that Amazon no longer "
        "accepts. It also judges which windows are late.\n\n"
        "It needs the Airflow connection `smtp_default`; without it no mail is sent and nothing "
        "fails. `last_error` of a row says why its mail was not sent. The follower sends what "
        "waits for more than five minutes."
    ),
    schedule=timedelta(minutes=2),
    priority_weight=BEFORE_RUNS,
    # No retries: the next run is one, and a silent mail server should be seen
    default_args={"retries": 0},
):
    SendNotifications(task_id="send_notifications", execution_timeout=timedelta(minutes=10))
