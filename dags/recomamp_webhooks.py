"""Send users' events to webhooks and to Slack every two minutes, as an Airflow DAG.

Not a task of ``recomamp_notifications``: that has one run at a time, and a round of slow servers
would delay its next mails.
"""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.notifications.operator import SendDeliveries
from recomamp.pipeline.system_dag import BEFORE_RUNS, system_dag

with system_dag(
    "recomamp_webhooks",
    description="Sends users' events to webhooks and to Slack",
    doc_md=(
        "Sends the rows of `channel_deliveries` to the addresses of `notification_channels`. "
        "`last_error` of a row says why it was not sent. The follower sends what waits for more "
        "than five minutes."
    ),
    schedule=timedelta(minutes=2),
    priority_weight=BEFORE_RUNS,
    # No retries: the next run is one
    default_args={"retries": 0},
):
    SendDeliveries(task_id="send_deliveries", execution_timeout=timedelta(minutes=8))
