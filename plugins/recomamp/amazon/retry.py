"""How often and after what wait a call is tried again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from recomamp.errors import TransientError, retry_after_seconds

T = TypeVar("T")
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter, and longer where Amazon asks for that.

    The wait before try *n* + 1 lies between 0 and ``first_seconds`` · 2ⁿ⁻¹, at most
    ``longest_seconds``. A Retry-After may lengthen it, and never shortens it: where
    Amazon says "at once" to all callers, they would all ask at once. Where it asks for more than
    ``patience_seconds`` there is no other try: the caller holds a worker, and Airflow's next try
    comes when Amazon has asked for it.
    """

    attempts: int = 5
    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    patience_seconds: float = 60.0

    async def call(self, function: Callable[[int], Awaitable[T]], sleep: Sleep) -> T:
        """Call a coroutine function with the number of the try; repeat on ``TransientError``.

        After the last try the error itself is raised.
        """
        numbers = count(1)

        async def one_try() -> T:
            return await function(next(numbers))

        return await self._retrying(sleep)(one_try)

    def _retrying(self, sleep: Sleep) -> AsyncRetrying:
        jitter = wait_random_exponential(multiplier=self.first_seconds, max=self.longest_seconds)

        def wait(state: RetryCallState) -> float:
            return max(jitter(state), _asked_for(state))

        return AsyncRetrying(
            sleep=sleep,
            stop=self._is_enough,
            wait=wait,
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )

    def _is_enough(self, state: RetryCallState) -> bool:
        is_last = state.attempt_number >= self.attempts
        return is_last or _asked_for(state) > self.patience_seconds


def _asked_for(state: RetryCallState) -> float:
    """Return how many seconds Amazon asks to wait, 0 where it does not say."""
    error = state.outcome.exception() if state.outcome else None
    return retry_after_seconds(error) if error else 0.0
