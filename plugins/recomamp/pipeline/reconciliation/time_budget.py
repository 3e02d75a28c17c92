"""Ask Amazon about one of many for so long and no longer: the others wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, TypeVar

from recomamp.errors import TransientError

T = TypeVar("T")


class TimeBudget:
    """The seconds that all questions about one thing may take together."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._left_seconds = seconds

    @property
    def is_over(self) -> bool:
        """Return whether nothing more can be asked."""
        return self._left_seconds <= 0

    def run(self, question: Coroutine[Any, Any, T]) -> T:
        """Run what asks Amazon within the time that is left.

        :raises TransientError: when it takes longer.
        """
        began = monotonic()
        try:
            return asyncio.run(self._within_time(question))
        except TimeoutError as err:
            silence = f"Amazon has not answered everything within {self.seconds:g} seconds"
            raise TransientError(silence) from err
        finally:
            self._left_seconds -= monotonic() - began

    async def _within_time(self, question: Coroutine[Any, Any, T]) -> T:
        async with asyncio.timeout(self._left_seconds):
            return await question
