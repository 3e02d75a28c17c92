"""The DAG that sends what users are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, BaseOperator, Context

from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.system_dag import system_dag

_MANUAL = """\
Sends the rows of `notifications` by mail: failed runs of schedules, collections that ended,
consents that Amazon no longer accepts. It needs the Airflow connection `smtp_default`; without it
nothing is sent and nothing fails. A row that could not be sent says why in `last_error`.
"""


class SendNotifications(BaseOperator):
    """Send what is due; fails where the mail server takes nothing, and the next run tries again."""

    ui_color = "#fdf3e1"

    def execute(self, context: Context) -> int:
        """Send one round; return how many mails the server took."""
        # Here and not above: mail would slow down every parse of every DAG file
        from recomamp.pipeline.notifications.sender import expire_notifications, send_notifications
        from recomamp.pipeline.notifications.smtp import is_mail_on, open_mail_server

        if not is_mail_on():
            expire_notifications(DatabaseHook(), now=datetime.now(UTC))
            self.log.info("Notifications are off: set the connection smtp_default to send them")
            return 0
        return send_notifications(
            database=DatabaseHook(),
            open_server=open_mail_server,
            clock=lambda: datetime.now(UTC),
        )


def notification_dag() -> DAG:
    """Build the DAG that sends notifications."""
    dag = system_dag(
        "recomamp_notifications",
        description="Tells users by mail what happened to their work",
        doc_md=_MANUAL,
        schedule=timedelta(minutes=2),
        # No retries: the next run is one, and a mail server that is away should be seen
        default_args={"retries": 0},
    )
    SendNotifications(
        task_id="send_notifications", execution_timeout=timedelta(minutes=10), dag=dag
    )
    return dag
