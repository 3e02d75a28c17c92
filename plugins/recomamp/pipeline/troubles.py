"""Work on several parts, of which one that fails stops no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg2
from airflow.sdk.exceptions import AirflowFailException

from recomamp.domain.errors import (
    ConsentRevoked,
    Incomplete,
    MissingSetting,
    PipelineError,
    is_final,
)

log = logging.getLogger(__name__)

# Nothing else can be asked of Amazon either, in the name of the same user
HOPELESS = (ConsentRevoked, MissingSetting)

Part = TypeVar("Part")


class Troubles:
    """The errors of the parts that failed, by what the parts are called.

    :param stopped_by: errors that concern all parts: they are raised at once.
    """

    def __init__(self, stopped_by: tuple[type[PipelineError], ...] = HOPELESS) -> None:
        self.found: dict[str, PipelineError | psycopg2.Error] = {}
        self._stopped_by = stopped_by

    @contextmanager
    def about(self, part: object) -> Iterator[None]:
        """Keep what goes wrong with a part within this block, which ends there."""
        try:
            yield
        except self._stopped_by:
            raise
        except (PipelineError, psycopg2.Error) as err:
            log.warning("%s: %s", part, err)
            self.found[str(part)] = err

    @property
    def are_final(self) -> bool:
        """Tell that no second try can help."""
        return all(map(is_final, self.found.values()))

    def raise_any(self, what: str) -> None:
        """Raise what was found, as one error; return where there is nothing.

        :param what: what was not done, to stand before the parts.
        :raises Incomplete: naming each part and what went wrong with it.
        """
        if self:
            raise Incomplete(f"{len(self)} {what}: {self}", is_final=self.are_final)

    def __bool__(self) -> bool:
        return bool(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __str__(self) -> str:
        return "; ".join(
            f"{part}: {' '.join(str(err).split())}" for part, err in self.found.items()
        )


async def several_at_once(
    do: Callable[[Part], Awaitable[None]], parts: Iterable[Part], most: int
) -> None:
    """Do all parts, at most so many at a time."""
    places = asyncio.Semaphore(most)

    async def one(part: Part) -> None:
        async with places:
            await do(part)

    await asyncio.gather(*map(one, parts))


@contextmanager
def retried_where_it_helps() -> Iterator[None]:
    """Let Airflow try a task again only where that can help.

    :raises AirflowFailException: instead of an error that no second try can change.
    """
    try:
        yield
    except PipelineError as err:
        if is_final(err):
            raise AirflowFailException(str(err)) from err
        raise
