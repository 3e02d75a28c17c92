"""Run the calls of a step within the time that Airflow gives the step.

Airflow's alarm raises ``AirflowTaskTimeout`` once, at any place of the main thread. In a callback
of the event loop, asyncio logs the error and continues. The step would then have no time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from time import monotonic
from typing import Any, TypeVar

from recomamp.errors import StepTimedOut

T = TypeVar("T")

_SHARE = 0.99  # of the time-out, so that this limit is reached before Airflow's alarm


class StepTime:
    """The time of one try of a step, counted from now on.

    :param task_id: name of the step, for the error.
    :param timeout: ``execution_timeout`` of the step, None for no limit.
    :param clock: returns seconds.
    """

    def __init__(
        self, task_id: str, timeout: timedelta | None, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._task_id = task_id
        self._timeout = timeout
        self._clock = clock
        self._began_at = clock()

    def run_step(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in an event loop of its own and return its result.

        A thread that the coroutine has started cannot be cancelled: this method waits for it. The
        time-outs of the database bound such threads.

        :raises StepTimedOut: when the try has no time left.
        """
        return asyncio.run(self._within_time(coroutine))

    async def _within_time(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._left_seconds()) as limit:
                return await coroutine
        except TimeoutError as err:
            if not limit.expired():  # another time-out, of the coroutine itself
                raise
            raise self.error() from err

    def error(self) -> StepTimedOut:
        """Return the error of a try that has no time left."""
        return StepTimedOut(f"{self._task_id} took longer than {self._timeout}")

    def _left_seconds(self) -> float | None:
        if self._timeout is None:
            return None
        return self._began_at + self._timeout.total_seconds() * _SHARE - self._clock()
