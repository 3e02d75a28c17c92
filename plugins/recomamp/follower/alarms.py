"""Judge late windows and send what is overdue, also while Airflow stands still; send gauges.

It runs beside the following of rows, on threads of its own: a slow mail server delays no DAG.
``recomamp_notifications`` and ``recomamp_webhooks`` do the same in Airflow. Both may run: an event
has one judge and one sender at a time, by its row.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2

from recomamp.domain.text import one_line
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.notifications.late_windows import record_late_windows
from recomamp.pipeline.partial_failures import log_failure
from recomamp.pipeline.queue_gauges import send_queue_gauges

log = logging.getLogger(__name__)

ROUND_SECONDS = 60.0
PATIENCE = timedelta(minutes=5)  # that Airflow has for an event that is due

Step = Callable[[], None]


class Alarms:
    """The rounds of the alarms.

    :param database: opens a connection for each transaction, on any thread.
    """

    def __init__(
        self,
        database: Callable[[], DatabaseHook] = DatabaseHook,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        round_seconds: float = ROUND_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._round_seconds = round_seconds
        self._stopped = threading.Event()
        # Slow servers of webhooks delay no mail
        self._rounds = (
            (self._judge, self._send_gauges, self._send_mails),
            (self._send_deliveries,),
        )

    def start(self) -> None:
        """Begin with the rounds."""
        for number, steps in enumerate(self._rounds):
            threading.Thread(
                target=self._repeat, args=[steps], name=f"alarms-{number}", daemon=True
            ).start()

    def close(self) -> None:
        """Begin no further round."""
        self._stopped.set()

    def run_round(self) -> None:
        """Judge, then send; what goes wrong is logged, and the next round tries again."""
        for steps in self._rounds:
            self._run(steps)

    def _repeat(self, steps: Sequence[Step]) -> None:
        while not self._stopped.wait(self._round_seconds):
            self._run(steps)

    def _run(self, steps: Sequence[Step]) -> None:
        for step in steps:
            try:
                step()
            except psycopg2.Error as err:
                log.warning("alarms: the application's database is away: %s", one_line(err))
            except Exception as err:  # noqa: BLE001 - the other steps are done all the same
                log_failure("alarms", err)

    def _judge(self) -> None:
        record_late_windows(self._database())

    def _send_gauges(self) -> None:
        send_queue_gauges(self._database(), now=self._clock())

    def _send_mails(self) -> None:
        # Here and not above: the process that follows rows starts without mail
        from recomamp.pipeline.notifications.sender import send_notifications
        from recomamp.pipeline.notifications.smtp import is_mail_on, open_mail_server

        if is_mail_on():
            send_notifications(
                database=self._database(),
                open_server=open_mail_server,
                clock=self._clock,
                overdue_by=PATIENCE,
            )

    def _send_deliveries(self) -> None:
        from recomamp.pipeline.notifications.webhooks import send_deliveries

        send_deliveries(database=self._database(), clock=self._clock, overdue_by=PATIENCE)


def start_alarms() -> closing[Alarms]:
    """Start the rounds; use as ``with``."""
    alarms = Alarms()
    alarms.start()
    return closing(alarms)
