"""Mail users about their runs, collections and consents every two minutes, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.notifications.operator import SendNotifications
from recomamp.pipeline.system_dag import system_dag

with system_dag(
    "recomamp_notifications",
    description="Mails users about failed runs, ended collections and withdrawn consents",
    doc_md=(
        "Sends the rows of `notifications` by mail: failed runs of schedules, collections that "
        "ended, consents that Amazon no longer accepts.\n\n"
        "It needs the Airflow connection `smtp_default`; without it nothing is sent and nothing "
        "fails. `last_error` of a row says why its mail was not sent."
    ),
    schedule=timedelta(minutes=2),
    # No retries: the next run is one, and a silent mail server should be seen
    default_args={"retries": 0},
):
    SendNotifications(task_id="send_notifications", execution_timeout=timedelta(minutes=10))
