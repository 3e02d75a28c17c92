"""The operators that send notifications."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import BaseOperator, Context

from recomamp.pipeline.hooks import DatabaseHook


class SendNotifications(BaseOperator):
    """Send what is due; fails where the mail server takes nothing, and the next run tries again."""

    ui_color = "#fdf3e1"

    def execute(self, context: Context) -> int:
        """Send one round; return how many mails the server took."""
        # Here and not above: mail would slow down every parse of every DAG file
        from recomamp.pipeline.notifications.late_windows import record_late_windows

        # Mails first: whatever becomes of the windows, nobody's mail waits for it
        try:
            return self._send()
        finally:
            record_late_windows(DatabaseHook())

    def _send(self) -> int:
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


class SendDeliveries(BaseOperator):
    """Send events to webhooks and to Slack; a slow server of one user delays no mail."""

    ui_color = "#fdf3e1"

    def execute(self, context: Context) -> int:
        """Send one round; return how many events the servers took."""
        from recomamp.pipeline.notifications.webhooks import send_deliveries

        return send_deliveries(database=DatabaseHook(), clock=lambda: datetime.now(UTC))
