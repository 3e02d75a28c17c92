"""Send events to users' webhooks and to Slack, each at least once.

A receiver knows an event by its id, so a try that nobody knows the end of is repeated. Some workers
share the deliveries; one user has a small share of a round, whatever that user's server does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from recomamp.domain.notifications import ChannelKind, DeliveryStatus, next_try_at
from recomamp.domain.text import one_line
from recomamp.domain.webhook_messages import Post, slack_post, webhook_post
from recomamp.errors import WebhookError, WebhookRefused
from recomamp.pipeline import settings
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.notifications.webhook_address import Target, target_of
from recomamp.pipeline.notifications.webhook_client import TRY_SECONDS, post
from recomamp.pipeline.partial_failures import FailureCollector, in_turns
from recomamp.store import channel_deliveries
from recomamp.store.channel_deliveries import Delivery

log = logging.getLogger(__name__)

WORKERS = 8
MAX_DELIVERIES = 200  # of a round
MAX_PER_USER = 10  # of a round
OLDEST = timedelta(days=1)  # older events are not sent
MAX_ROUND_SECONDS = 1.5 * TRY_SECONDS * MAX_DELIVERIES / WORKERS  # all time out, and half again
LEASE = timedelta(seconds=2 * TRY_SECONDS * MAX_DELIVERIES / WORKERS)  # longer than a round

Send = Callable[[Target, Post], None]


def send_deliveries(
    *,
    database: DatabaseHook,
    clock: Callable[[], datetime],
    overdue_by: timedelta = timedelta(0),
    send: Send = post,
) -> int:
    """Send what is due; return how many the servers took.

    A try that the round does not come to stays claimed, and is due again after the lease.

    :param overdue_by: for how long a delivery must have been due.
    :raises PartialFailure: after all deliveries, naming those that failed for an unknown reason.
    """
    claim_id, now = uuid4(), clock()
    allowed_hosts = settings.webhook_allowed_hosts()
    with database.transaction() as connection:
        channel_deliveries.expire_deliveries(connection, now=now, oldest=now - OLDEST)
        claimed = channel_deliveries.claim_deliveries(
            connection,
            claim_id=claim_id,
            now=now,
            lease=LEASE,
            limit=MAX_DELIVERIES,
            per_user=MAX_PER_USER,
            overdue_by=overdue_by,
        )
    failed = FailureCollector.of_tenants()
    sent = 0
    until = time.monotonic() + MAX_ROUND_SECONDS
    workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="webhooks")
    try:
        ordered = in_turns(claimed, lambda delivery: delivery.event.user_id)
        tries = [
            (delivery, workers.submit(_try, delivery, allowed_hosts, clock, send))
            for delivery in ordered
        ]
        for delivery, attempt in tries:
            with failed.capture(f"delivery {delivery.id}"):
                error = attempt.result(timeout=max(0.0, until - time.monotonic()))
                sent += _end(database, claim_id, delivery, error, clock())
    finally:
        # Not as a context manager, which waits: a server that hangs never outlives the round
        workers.shutdown(wait=False, cancel_futures=True)
    failed.raise_unknown("not sent")
    return sent


def _try(
    delivery: Delivery, allowed_hosts: Sequence[str], clock: Callable[[], datetime], send: Send
) -> Exception | None:
    """Send one event; return what kept the server from taking it."""
    try:
        send(target_of(delivery.url, allowed_hosts=allowed_hosts), _written(delivery, clock()))
    except Exception as err:  # noqa: BLE001 - every error is about this delivery
        return err
    return None


def _written(delivery: Delivery, at: datetime) -> Post:
    if delivery.channel_kind is ChannelKind.SLACK:
        return slack_post(delivery.event, delivery.reader)
    return webhook_post(delivery.event, secret=delivery.secret or "", at=at)


def _end(
    database: DatabaseHook,
    claim_id: UUID,
    delivery: Delivery,
    error: Exception | None,
    now: datetime,
) -> bool:
    """Store what became of a try; return whether the server took it."""
    status, later, reason = DeliveryStatus.SENT, None, None
    if error is not None:
        # The text of an unknown error may hold the address
        reason = one_line(error) if isinstance(error, WebhookError) else type(error).__name__
        is_final = isinstance(error, WebhookRefused) or not isinstance(error, WebhookError)
        later = None if is_final else next_try_at(delivery.attempts, now=now)
        status = DeliveryStatus.FAILED if later is None else DeliveryStatus.PENDING
    with database.transaction() as connection:
        channel_deliveries.end_delivery(
            connection,
            delivery.id,
            claim_id=claim_id,
            status=status,
            next_try_at=later,
            last_error=reason,
        )
    log.info(
        "Event %s to channel %s is %s%s",
        delivery.event.id,
        delivery.channel_id,
        status,
        f": {reason}" if reason else "",
    )
    return error is None
