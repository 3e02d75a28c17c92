"""Work on several parts, of which one that fails stops no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from itertools import chain, zip_longest
from typing import TypeVar
from uuid import UUID

from recomamp.domain.text import one_line
from recomamp.errors import (
    ConfigurationError,
    ConsentRevoked,
    PartialFailure,
    PipelineError,
    is_final,
    is_tenants_own,
)
from recomamp.pipeline.logs import frames

log = logging.getLogger(__name__)

# Nothing else can be asked of Amazon either, in the name of the same user
FATAL_ERRORS = (ConsentRevoked, ConfigurationError)

SHARED = "nothing succeeded for any user, so check the deployment's settings and connections first"

Part = TypeVar("Part")


class FailureCollector:
    """The errors of the parts that failed, by what the parts are called.

    An error of a part is about that part: the others go on. Nothing stops the parts of several
    tenants. An error that a tenant's own rows explain is logged and fails no work of others, as
    long as the work of any user succeeds.

    :param stopped_by: errors that concern all parts: they are raised at once.
    """

    def __init__(self, stopped_by: tuple[type[PipelineError], ...] = FATAL_ERRORS) -> None:
        self.found: dict[str, Exception] = {}
        self._stopped_by = stopped_by
        self._users_done: set[UUID] = set()
        self._users_failed: set[UUID] = set()

    @classmethod
    def of_tenants(cls) -> FailureCollector:
        """Return those of parts that belong to several tenants."""
        return cls(stopped_by=())

    @contextmanager
    def capture(self, part: object, *, user_id: UUID | None = None) -> Iterator[None]:
        """Keep what goes wrong with a part within this block, which ends there.

        :param user_id: the user that the part belongs to, where it is the part of one user.
        """
        users = set() if user_id is None else {user_id}
        try:
            yield
        except self._stopped_by:
            raise
        except Exception as err:  # noqa: BLE001 - every error is about this part
            log_failure(part, err)
            self.found[one_line(part)] = err
            self._users_failed |= users
        else:
            self._users_done |= users

    @property
    def all_final(self) -> bool:
        """Whether no second try can help."""
        return all(map(is_final, self.found.values()))

    @property
    def all_tenants_own(self) -> bool:
        """Whether each is known of one tenant."""
        return all(map(is_tenants_own, self.found.values()))

    def raise_if_any(self, what: str) -> None:
        """Raise what was found, as one error; return where there is nothing.

        :param what: what was not done, to stand before the parts.
        :raises PartialFailure: naming each part and what went wrong with it.
        """
        if self:
            raise PartialFailure(
                f"{len(self)} {what}: {self}",
                errors=self.found.values(),
                is_final=self.all_final,
                is_tenants_own=self.all_tenants_own,
            )

    def raise_unknown(self, what: str) -> None:
        """Raise what was found and is not known of one tenant; ``capture`` has logged the rest.

        Errors that are each known of one tenant are raised where nothing succeeded for any user.

        :param what: what was not done, to stand before the parts.
        :raises PartialFailure: naming each part and what went wrong with it.
        """
        unknown = FailureCollector()
        unknown.found = {part: err for part, err in self.found.items() if not is_tenants_own(err)}
        unknown.raise_if_any(what)
        if is_shared(failed=self._users_failed, done=self._users_done):
            raise PartialFailure(
                f"{len(self)} {what}; {SHARED}: {self}",
                errors=self.found.values(),
                is_final=self.all_final,
            )

    def __bool__(self) -> bool:
        return bool(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __str__(self) -> str:
        return "; ".join(f"{part}: {_words_of(err)}" for part, err in self.found.items())


def is_shared(*, failed: Set[UUID], done: Set[UUID]) -> bool:
    """Return whether the deployment is the likely cause: of several users, none succeeded.

    A wrong key or a wrong address makes every user's tokens unreadable, or every call refused. Each
    of these errors alone looks like the state of one tenant.
    """
    return len(failed) > 1 and not done


def log_failure(part: object, error: Exception) -> None:
    """Log what went wrong with a part; with its traceback where the pipeline does not know it."""
    if isinstance(error, PipelineError):
        log.warning("%s: %s", one_line(part), one_line(error))
    else:
        # Not exc_info: the text of the error may hold line ends, and look like other lines
        log.error("%s: %s\n%s", one_line(part), _words_of(error), frames(error))


def in_turns(parts: Iterable[Part], owner: Callable[[Part], Hashable]) -> list[Part]:
    """Sort parts so that each owner's first one comes before any owner's second.

    Owners come in the order of their first parts, and the parts of each stay in theirs.
    """
    by_owner: dict[Hashable, list[Part]] = {}
    for part in parts:
        by_owner.setdefault(owner(part), []).append(part)
    absent = object()
    turns = chain.from_iterable(zip_longest(*by_owner.values(), fillvalue=absent))
    return [part for part in turns if part is not absent]  # type: ignore[misc]


def rotated(parts: Sequence[Part], number: int) -> list[Part]:
    """Begin with another part for each number, so that none always comes after another."""
    first = number % len(parts) if parts else 0
    return [*parts[first:], *parts[:first]]


async def gather_limited(
    do: Callable[[Part], Awaitable[None]], parts: Iterable[Part], most: int
) -> None:
    """Do all parts, at most so many at a time."""
    places = asyncio.Semaphore(most)

    async def one(part: Part) -> None:
        async with places:
            await do(part)

    await asyncio.gather(*map(one, parts))


def _words_of(error: Exception) -> str:
    kind = "" if isinstance(error, PipelineError) else f"{type(error).__name__}: "
    return one_line(f"{kind}{error}")
