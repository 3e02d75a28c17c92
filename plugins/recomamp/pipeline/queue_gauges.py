"""The gauges of the queue, which one statement reads from the application's database.

The follower sends them every minute, also while Airflow does not work. ``recomamp_reconcile`` sends
them every five minutes, for deployments without a follower. Both send the same values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from recomamp.domain import metrics
from recomamp.pipeline import settings
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.metrics import is_on, send_zeros, set_gauge
from recomamp.store.queue_lengths import QueueLength, select_queue_lengths


def send_queue_gauges(database: DatabaseHook, *, now: datetime) -> None:
    """Send the gauges of the queue, and zeros; read nothing where no metrics are sent.

    :raises psycopg2.Error: when the queue cannot be read.
    :raises ConfigurationError: when RECOMAMP_METRICS_TAGS is wrong.
    """
    if not is_on():
        return
    send_zeros()
    with database.transaction() as connection:
        queues = select_queue_lengths(connection)
    set_gauge(metrics.WAITING, sum(one.waiting for one in queues))
    set_gauge(metrics.SUBMITTING, sum(one.submitting for one in queues))
    set_gauge(metrics.RUNNING, sum(one.running for one in queues))
    set_gauge(metrics.LONGEST_WAIT, _longest_wait_seconds(queues, now))
    _send_by_instance(queues)


def _longest_wait_seconds(queues: Iterable[QueueLength], now: datetime) -> float:
    since = min((one.waiting_since for one in queues if one.waiting_since), default=now)
    return max(0.0, (now - since).total_seconds())


def _send_by_instance(queues: Iterable[QueueLength]) -> None:
    """Send what the setting asks for. An instance that has emptied is sent as 0."""
    tags = settings.metrics_tags()
    if not tags:
        return
    waiting: Counter[tuple[str, ...]] = Counter()
    running: Counter[tuple[str, ...]] = Counter()
    for one in queues:
        values = {"amc_instance": one.instance_id, "user": str(one.user_id)}
        key = tuple(values[tag] for tag in tags)
        waiting[key] += one.waiting
        running[key] += one.submitting + one.running
    for key in waiting:
        named = dict(zip(tags, key, strict=True))
        set_gauge(metrics.INSTANCE_WAITING, waiting[key], **named)
        set_gauge(metrics.INSTANCE_RUNNING, running[key], **named)
