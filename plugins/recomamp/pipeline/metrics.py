"""Sends the metrics of ``domain.metrics`` through Airflow's own API.

Airflow's settings of the section ``metrics`` say whether and where they go. Without them nothing
is sent. A metric that cannot be sent is logged and lost, and fails nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from airflow.sdk.observability import stats

from recomamp.amazon.failed_calls import CallOutcome
from recomamp.domain import metrics
from recomamp.domain.execution_states import ExecutionStatus
from recomamp.domain.executions import AmcExecution, Execution
from recomamp.domain.metrics import Counter, Gauge, Metric, Timer

log = logging.getLogger(__name__)

MAX_TAG_CHARS = 64
_SWITCHES = ("statsd_on", "otel_on", "statsd_datadog_enabled")


def count(metric: Counter, number: int = 1, **tags: str) -> None:
    """Add to a counter; ``tags`` are exactly those of the metric."""
    _send(metric, tags, lambda name, sent: stats.incr(name, number, tags=sent))


def observe(metric: Timer, duration: timedelta, **tags: str) -> None:
    """Add a duration to a timer. A negative one, of clocks that differ, counts as none."""
    bounded = max(duration, timedelta(0))
    _send(metric, tags, lambda name, sent: stats.timing(name, bounded, tags=sent))


def set_gauge(metric: Gauge, value: float, **tags: str) -> None:
    """Set a gauge; ``tags`` are some of its optional ones."""
    _send(metric, tags, lambda name, sent: stats.gauge(name, value, tags=sent))


def is_on() -> bool:
    """Return whether Airflow sends metrics from this process."""
    from airflow.configuration import conf
    from airflow.exceptions import AirflowConfigException

    try:
        return any(conf.getboolean("metrics", name, fallback=False) for name in _SWITCHES)
    except AirflowConfigException:  # no boolean; ``initialize`` says so
        return False


def initialize() -> None:
    """Let this process and its forks send metrics, where Airflow has not done so.

    Airflow does so for tasks. Its components use another copy of the same module, so that without
    this a trigger would send nothing. The follower is a process of the pipeline's own.
    """
    from airflow.configuration import conf
    from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

    try:
        stats.initialize(
            factory=get_stats_factory(),
            export_legacy_names=conf.getboolean("metrics", "legacy_names_on", fallback=False),
        )
    except Exception as err:  # noqa: BLE001 - no setting of metrics may keep the work from being done
        log.warning("no metric is sent; correct Airflow's settings of metrics: %s", err)


def send_zeros() -> None:
    """Send 0 of each counter whose series are known, so that each exists before its first event."""
    for metric in metrics.METRICS:
        if isinstance(metric, Counter) and len(metric.tags) <= 1:
            for value in metric.values if metric.tags else ("",):
                count(metric, 0, **dict.fromkeys(metric.tags, value))


def count_ended(status: ExecutionStatus | str) -> None:
    """Count an execution that ended with a status."""
    count(metrics.ENDED, status=str(status))


def observe_submission(execution: Execution) -> None:
    """Count an execution that AMC has just accepted, and how long it took to get there."""
    count(metrics.SUBMITTED)
    if execution.slot_granted_at is not None:
        observe(metrics.SLOT_WAIT, execution.slot_granted_at - execution.created_at)
    if execution.submission_started_at is not None and execution.submitted_at is not None:
        observe(metrics.SUBMIT_LATENCY, execution.submitted_at - execution.submission_started_at)


def observe_amc_end(amc: AmcExecution) -> None:
    """Note how long an execution took that AMC has ended, where AMC says so."""
    if amc.execution_time_seconds is not None:
        duration = timedelta(seconds=amc.execution_time_seconds)
        observe(metrics.AMC_DURATION, duration, status=str(amc.status))


def observe_call(call: CallOutcome) -> None:
    """Count a call to Amazon and its duration; the client calls it for every try."""
    count(metrics.CALLS, operation=call.operation, status=_status_class(call.status))
    if call.status == HTTPStatus.TOO_MANY_REQUESTS:
        count(metrics.THROTTLED)
    observe(
        metrics.CALL_DURATION, timedelta(seconds=call.duration_seconds), operation=call.operation
    )


def _status_class(status: int | None) -> str:
    if status is None:
        return "none"
    return "429" if status == HTTPStatus.TOO_MANY_REQUESTS else f"{status // 100}xx"


def _send(
    metric: Metric, tags: dict[str, str], send: Callable[[str, dict[str, str]], None]
) -> None:
    try:
        if isinstance(metric, Gauge):
            is_known = set(tags) <= set(metric.optional_tags)
        else:
            is_known = set(tags) == set(metric.tags)
        if not is_known:
            raise ValueError(f"{metric.name} has no tags {sorted(tags)}")
        # StatsD's separators in a value would begin another metric, and a value may be a row's
        sent = {
            key: stats.normalize_name_for_stats(value, log_warning=False)[:MAX_TAG_CHARS]
            for key, value in tags.items()
        }
        send(metric.name, sent)
    except Exception as err:  # noqa: BLE001 - what is measured matters more
        log.warning("The metric %s is not sent: %s", metric.name, type(err).__name__)
