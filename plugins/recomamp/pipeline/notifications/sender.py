"""Mail users about their runs, each event at most once.

A mail is marked before it is handed over and again when the server has it. A sender that dies in
between leaves it IN_DOUBT, and it is not sent again: a user may miss a mail, and gets none twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from recomamp.domain.csv_attachment import MAX_ROWS, csv_file
from recomamp.domain.mail_messages import Message, compose
from recomamp.domain.notifications import (
    RATE_WINDOW,
    Event,
    EventKind,
    Mail,
    NotificationStatus,
    RecentMail,
    next_try_at,
    plan_mails,
)
from recomamp.domain.text import one_line
from recomamp.errors import MailDeferred, MailDeliveryUnknown, MailRefused, MailServerUnavailable
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.partial_failures import FailureCollector
from recomamp.store import notifications
from recomamp.store.connections import AWAY
from recomamp.store.notifications import ClaimedNotification

if TYPE_CHECKING:
    from recomamp.pipeline.notifications.smtp import MailServer

log = logging.getLogger(__name__)

MAX_ROUND = timedelta(minutes=5)  # no mail is begun after it; half of what the task may take
LEASE = timedelta(minutes=15)  # longer than a round may take
OLDEST = timedelta(days=1)  # older events are not mailed
SERVER_PAUSE = timedelta(minutes=5)
MAX_EVENTS = 2000  # of a round

OpenServer = Callable[[], AbstractContextManager["MailServer"]]


def expire_notifications(database: DatabaseHook, *, now: datetime) -> None:
    """End what will not be sent."""
    with database.transaction() as connection:
        ended = notifications.expire_notifications(connection, now=now, oldest=now - OLDEST)
    for notification_id, status in ended:
        log.warning("Notification %s is %s", notification_id, status)


def send_notifications(
    *,
    database: DatabaseHook,
    open_server: OpenServer,
    clock: Callable[[], datetime],
    overdue_by: timedelta = timedelta(0),
) -> int:
    """Send what is due; return how many mails the server took.

    :param overdue_by: for how long an event must have been due: a second sender leaves the first
        one that time.
    :raises MailServerUnavailable: when the server takes nothing; what was due is tried again.
    :raises PartialFailure: after all mails, naming those that failed for an unknown reason.
    """
    expire_notifications(database, now=clock())
    claim_id = uuid4()
    with database.transaction() as connection:
        events = notifications.claim_notifications(
            connection,
            claim_id=claim_id,
            now=clock(),
            lease=LEASE,
            limit=MAX_EVENTS,
            overdue_by=overdue_by,
        )
    if not events:
        return 0
    try:
        with open_server() as server:
            return SendBatch(database, server, claim_id, clock).run(events)
    except MailServerUnavailable as err:
        with database.transaction() as connection:
            notifications.release_notifications(
                connection,
                events,
                claim_id=claim_id,
                next_try_at=clock() + SERVER_PAUSE,
                last_error=one_line(err),
            )
        raise


class SendBatch:
    """What one sender has in hand, mail by mail."""

    def __init__(
        self,
        database: DatabaseHook,
        server: MailServer,
        claim_id: UUID,
        clock: Callable[[], datetime],
    ) -> None:
        self.database = database
        self.server = server
        self.claim_id = claim_id
        self.clock = clock
        self._troubles = FailureCollector.of_tenants()

    def run(self, events: Sequence[Event]) -> int:
        """Send or postpone the events of all users; return how many mails went out.

        What a round does not come to in time is due again at once, for the next one. An event that
        makes no mail delays no event of another user.

        :raises PartialFailure: after all mails, naming the unexpected errors.
        """
        by_user = sorted(events, key=lambda event: event.user_id)
        now = self.clock()
        with self.database.transaction() as connection:
            recent = notifications.select_recent_mails(
                connection, {event.user_id for event in events}, since=now - RATE_WINDOW
            )
        mails: list[Mail] = []
        for user_id, group in groupby(by_user, key=lambda event: event.user_id):
            own = list(group)
            with self._apart(f"user {user_id}"):
                plan = plan_mails(own, recent.get(user_id, RecentMail()), now=now)
                if plan.wait_until is not None:
                    self._postpone(own, plan.wait_until)
                mails += plan.mails
        mails.sort(key=lambda mail: mail.events[0].happened_at)
        sent = self._send_in_time(mails, until=now + MAX_ROUND)
        self._troubles.raise_unknown("not sent")
        return sent

    @contextmanager
    def _apart(self, part: str) -> Iterator[None]:
        """Keep what goes wrong with one user or mail; a server that is away concerns all."""
        away: Exception | None = None
        with self._troubles.capture(part):
            try:
                yield
            except (MailServerUnavailable, *AWAY) as err:
                away = err
        if away is not None:
            raise away

    def _send_in_time(self, mails: Sequence[Mail], *, until: datetime) -> int:
        sent = 0
        for number, mail in enumerate(mails):
            if self.clock() >= until:
                left = [event for one in mails[number:] for event in one.events]
                self._release(left)
                break
            with self._apart(f"mail about {mail.events[0].id}"):
                sent += self._send(mail)
        return sent

    def _release(self, events: Sequence[Event]) -> None:
        with self.database.transaction() as connection:
            notifications.release_notifications(
                connection, events, claim_id=self.claim_id, next_try_at=self.clock()
            )
        log.warning("%s events are left for the next round: this one is over", len(events))

    def _postpone(self, events: Sequence[Event], until: datetime) -> None:
        with self.database.transaction() as connection:
            notifications.release_notifications(
                connection, events, claim_id=self.claim_id, next_try_at=until
            )
        log.info("%s events of user %s wait for a digest", len(events), events[0].user_id)

    def _send(self, mail: Mail) -> bool:
        """Send one mail and keep what became of it; return whether the server took it."""
        message_id = f"<{mail.events[0].id}.{len(mail.events)}@{self.server.domain}>"
        with self.database.transaction() as connection:
            outgoing = notifications.start_sending_notifications(
                connection, mail, claim_id=self.claim_id, message_id=message_id, now=self.clock()
            )
        if outgoing is None:
            return False  # withdrawn or unsubscribed since, or another sender has it now
        message = self._written(outgoing)
        if message is None:
            return False
        try:
            self.server.send(
                message,
                address=outgoing.address,
                message_id=message_id,
                at=self.clock(),
            )
        except MailDeliveryUnknown as err:
            self._end(outgoing, NotificationStatus.IN_DOUBT, error=err)
            raise MailServerUnavailable(str(err)) from err
        except MailRefused as err:
            self._end(outgoing, NotificationStatus.FAILED, error=err)
            return False
        except MailDeferred as err:
            self._try_later(outgoing, err)
            if isinstance(err, MailServerUnavailable):
                raise
            return False
        self._end(outgoing, NotificationStatus.SENT)
        return True

    def _written(self, outgoing: ClaimedNotification) -> Message | None:
        """Write a mail; None where that fails, which ends its events and no others."""
        message: Message | None = None
        with self._troubles.capture(f"mail about {outgoing.events[0].id}"):
            try:
                message = compose(outgoing.events, outgoing.reader)
                if len(outgoing.events) == 1:
                    message = replace(message, csv=self._first_rows(outgoing.events[0]))
            except Exception as err:
                self._end(outgoing, NotificationStatus.FAILED, error=err)
                raise
        return message

    def _first_rows(self, event: Event) -> bytes | None:
        """Return the rows that a user wants with a mail; None where there are none."""
        if event.kind != EventKind.RESULTS_LOADED or not event.details.get("attach_results"):
            return None
        with self.database.transaction() as connection:
            rows = notifications.select_first_rows(
                connection,
                UUID(event.details["execution_id"]),
                user_id=event.user_id,
                limit=MAX_ROWS,
            )
        return csv_file(rows) if rows else None

    def _try_later(self, outgoing: ClaimedNotification, error: MailDeferred) -> None:
        later = next_try_at(outgoing.attempts, now=self.clock())
        status = NotificationStatus.FAILED if later is None else NotificationStatus.PENDING
        self._end(outgoing, status, error=error, later=later)

    def _end(
        self,
        outgoing: ClaimedNotification,
        status: NotificationStatus,
        *,
        error: Exception | None = None,
        later: datetime | None = None,
    ) -> None:
        with self.database.transaction() as connection:
            notifications.end_sending_notifications(
                connection,
                outgoing.events,
                claim_id=self.claim_id,
                status=status,
                next_try_at=later,
                last_error=one_line(error) if error else None,
            )
        for event in outgoing.events:
            log.info("Notification %s (%s) is %s", event.id, event.kind, status)
        if error is not None:
            log.warning("Mail about %s: %s", outgoing.events[0].id, one_line(error))
