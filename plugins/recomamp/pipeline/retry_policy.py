"""Whether Airflow tries a failed task again, and when: one decision, also for the row.

``recomamp.errors`` says of each error whether it is final.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import cast

from airflow.sdk import Context, RetryDecision, RetryPolicy

from recomamp.domain.text import one_line
from recomamp.errors import PipelineError, is_final, retry_after_seconds

_MAX_REASON = 500  # characters that Airflow keeps
_MAX_EXPONENT = 10  # a run that is often cleared has many tries


class TaskRetryPolicy(RetryPolicy):
    """Fail where no further try can help; else wait as long as the task says, or Amazon if longer.

    Airflow asks in the worker's process. A worker that dies asks nobody: then the task's own delay
    applies, and its number of tries.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Decide; the same for the same error of the same try. The task's log shows the reason."""
        reason = one_line(_reason(exception), _MAX_REASON)
        if is_final(exception):
            return RetryDecision.fail(reason)
        if try_number > max_tries:  # Airflow fails the task, and counts that in its metrics
            return RetryDecision(reason=reason)
        delay = _delay(exception, try_number, context) if context else None
        return RetryDecision.retry(delay, reason)


def next_retry_at(error: BaseException, context: Context) -> datetime | None:
    """Return when Airflow tries the task again after an error, None where it does not."""
    ti = context["ti"]
    decision = TaskRetryPolicy().evaluate(error, ti.try_number, ti.max_tries, context)
    return None if decision.retry_delay is None else datetime.now(UTC) + decision.retry_delay


def _delay(error: BaseException, try_number: int, context: Context) -> timedelta:
    ti = context["ti"]
    task, growth = ti.task, ti.task.retry_exponential_backoff or 1.0
    delay = task.retry_delay * growth ** min(try_number - 1, _MAX_EXPONENT)
    # Of its own for each try (ti.id is), so that many do not come at once
    delay *= Random(ti.id.int).uniform(1.0, growth)  # noqa: S311  (nothing secret)
    delay = min(delay, cast("timedelta", task.max_retry_delay or delay))
    # What Amazon asks for is bounded where it is read
    return max(delay, timedelta(seconds=retry_after_seconds(error)))


def _reason(error: BaseException) -> str:
    """Return what the pipeline knows of an error; the text of any other may say anything."""
    return str(error) if isinstance(error, PipelineError) else f"unexpected {type(error).__name__}"
