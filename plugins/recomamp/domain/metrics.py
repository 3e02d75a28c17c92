"""Every metric of the pipeline: its name, kind, unit and tags.

Airflow sends them with its own, so each name has Airflow's prefix (``airflow.``) in front.
``docs/reference/metrics.md`` and the StatsD mapping in ``deploy/observability`` have the same list.

A StatsD server without tags adds up counters and timers. It would keep one value only of a gauge
with tags. So a gauge has tags only where a setting asks for them. No tag has a value for each
execution, run or query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

PREFIX = "recomamp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric: ``name`` without Airflow's prefix, ``meaning`` as one sentence."""

    kind: ClassVar[str]

    name: str
    unit: str
    meaning: str
    tags: tuple[str, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """The name at Prometheus, by the StatsD mapping of ``deploy/observability``."""
        return re.sub(r"\W", "_", self.name) + self.prometheus_suffix

    @property
    def prometheus_suffix(self) -> str:
        """What Prometheus's rules of names ask for at the end."""
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter(Metric):
    """A number of events or of things; a process adds to it.

    ``values`` are those of its only tag, where they are known. They are sent as 0 from time to
    time: Prometheus does not take a series that begins with 1 for an increase.
    """

    kind: ClassVar[str] = "counter"

    values: tuple[str, ...] = ()

    @property
    def prometheus_suffix(self) -> str:
        """``_total``, as counters have it."""
        return "_total"


@dataclass(frozen=True, kw_only=True, slots=True)
class Timer(Metric):
    """Durations. StatsD and OpenTelemetry get milliseconds, Prometheus has seconds.

    ``buckets_seconds`` are the upper bounds of its histogram at Prometheus.
    """

    kind: ClassVar[str] = "timer"

    unit: str = "ms"
    buckets_seconds: tuple[float, ...]

    @property
    def prometheus_suffix(self) -> str:
        """``_seconds``, the unit at Prometheus."""
        return "_seconds"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauge(Metric):
    """A value as of now. ``optional_tags`` are those that ``RECOMAMP_METRICS_TAGS`` may add."""

    kind: ClassVar[str] = "gauge"

    optional_tags: tuple[str, ...] = ()


_MINUTES_TO_HOURS = (60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0)
_SECONDS_TO_HOURS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
_CALLS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)

# --- Executions ---

SUBMITTED = Counter(
    name=f"{PREFIX}.executions.submitted",
    unit="executions",
    meaning="Executions that AMC accepted.",
)
ENDED = Counter(
    name=f"{PREFIX}.executions.ended",
    unit="executions",
    tags=("status",),
    values=("SUCCESS", "FAILED", "CANCELLED", "TIMEOUT"),
    meaning="Executions that ended, by their status: `SUCCESS` when the results are loaded.",
)
RUNS_ENDED = Counter(
    name=f"{PREFIX}.runs.ended",
    unit="DAG runs",
    tags=("status",),
    values=("SUCCESS", "FAILED", "CANCELLED", "TIMEOUT", "SKIPPED"),
    meaning="DAG runs that the task `record` recorded, by the status in their result.",
)
SLOT_WAIT = Timer(
    name=f"{PREFIX}.slot_wait",
    buckets_seconds=_SECONDS_TO_HOURS,
    meaning="Time from the insertion of an execution until it got its slot.",
)
SUBMIT_LATENCY = Timer(
    name=f"{PREFIX}.submit_latency",
    buckets_seconds=_SECONDS_TO_HOURS,
    meaning="Time from the first sending of a query until AMC's acceptance, retries included.",
)
AMC_DURATION = Timer(
    name=f"{PREFIX}.amc_duration",
    buckets_seconds=_MINUTES_TO_HOURS,
    tags=("status",),
    meaning="Time that an execution took at AMC, as AMC says, by AMC's status.",
)

# --- Loading ---

LOADED_ROWS = Counter(
    name=f"{PREFIX}.load.rows", unit="rows", meaning="Rows that the task `load` stored."
)
LOADED_BYTES = Counter(
    name=f"{PREFIX}.load.bytes", unit="bytes", meaning="Bytes of the Parquet files of these rows."
)
LOAD_DURATION = Timer(
    name=f"{PREFIX}.load.duration",
    buckets_seconds=_SECONDS_TO_HOURS,
    meaning="Time from the first download of a result until all its files have their names.",
)

# --- Amazon ---

POLLS = Counter(
    name=f"{PREFIX}.polls",
    unit="rounds",
    tags=("outcome",),
    values=("ok", "failed"),
    meaning="Rounds in which a triggerer asked AMC about executions: `ok` or `failed`.",
)
CALLS = Counter(
    name=f"{PREFIX}.amazon.calls",
    unit="calls",
    tags=("operation", "status"),
    meaning="Calls to Amazon, by operation and status: `2xx`, `429`, another class, or `none`.",
)
THROTTLED = Counter(
    name=f"{PREFIX}.amazon.throttled",
    unit="calls",
    meaning="Calls that Amazon answered with status 429.",
)
CALL_DURATION = Timer(
    name=f"{PREFIX}.amazon.call_duration",
    buckets_seconds=_CALLS,
    tags=("operation",),
    meaning="Time until Amazon's answer; of a download until its first bytes.",
)

# --- Queue and windows ---

WAITING = Gauge(
    name=f"{PREFIX}.queue.waiting", unit="executions", meaning="Executions that wait for a slot."
)
SUBMITTING = Gauge(
    name=f"{PREFIX}.queue.submitting",
    unit="executions",
    meaning="Executions with a slot that AMC has not accepted yet.",
)
RUNNING = Gauge(
    name=f"{PREFIX}.queue.running",
    unit="executions",
    meaning="Executions at AMC, or whose results are not loaded yet.",
)
LONGEST_WAIT = Gauge(
    name=f"{PREFIX}.queue.longest_wait_seconds",
    unit="seconds",
    meaning="Time that the execution at the head of the queue has waited for a slot.",
)
INSTANCE_WAITING = Gauge(
    name=f"{PREFIX}.instance_queue.waiting",
    unit="executions",
    optional_tags=("amc_instance", "user"),
    meaning="Executions of one instance that wait for a slot.",
)
INSTANCE_RUNNING = Gauge(
    name=f"{PREFIX}.instance_queue.running",
    unit="executions",
    optional_tags=("amc_instance", "user"),
    meaning="Executions of one instance with a slot.",
)
LATE = Counter(
    name=f"{PREFIX}.windows.late",
    unit="events",
    tags=("kind",),
    values=("schedule", "collection"),
    meaning="Events of late windows (`schedule`) and late weeks (`collection`), once each.",
)


def _all() -> Iterator[Metric]:
    for value in globals().values():
        if isinstance(value, Metric):
            yield value


METRICS: tuple[Metric, ...] = tuple(_all())
