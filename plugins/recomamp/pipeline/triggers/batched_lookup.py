"""What all who wait in one event loop share: one reader of rows, one line for slots.

A triggerer starts a thousand triggers at once. Each with a connection of its own would be a
thousand connections; here a few statements serve them all.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Self, TypeAlias, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg2
from psycopg2.extensions import connection as DatabaseConnection

from recomamp.domain.executions import WaitingExecution
from recomamp.domain.text import one_line
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.log_context import unbind_execution
from recomamp.pipeline.partial_failures import log_failure
from recomamp.store.connections import AWAY
from recomamp.store.executions import select_waiting_executions
from recomamp.store.slots import grant_slots
from recomamp.store.statements import fetch_one

log = logging.getLogger(__name__)

T = TypeVar("T")
Sleep: TypeAlias = Callable[[float], Awaitable[None]]

SLOT_POLL_SECONDS = 10.0
DATABASE_PAUSE_SECONDS = 15.0
GATHER_SECONDS = 0.25  # in which others may join
ACCOUNT_LOCK_MILLISECONDS = 2000


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    """What went wrong with the question about one execution."""

    error: Exception


@dataclass(eq=False, slots=True)
class _Asked(Generic[T]):
    """A question about one execution and how many wait for its answer."""

    answer: asyncio.Future[T]
    users: int = 0


class _SharedLookup(Generic[T]):
    """Answers for everybody in one event loop who asks about an execution."""

    _by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Self]

    def __init_subclass__(cls) -> None:
        cls._by_loop = WeakKeyDictionary()

    @classmethod
    def shared(cls) -> Self:
        """Give the one of the running event loop."""
        return cls._by_loop.setdefault(asyncio.get_running_loop(), cls())

    def __init__(self) -> None:
        self._pending: dict[UUID, _Asked[T]] = {}
        self._task: asyncio.Task[None] | None = None

    async def ask(self, execution_id: UUID, database: DatabaseHook, sleep: Sleep) -> T:
        """Wait for the answer, as long as it takes the database to be there."""
        answer = asyncio.get_running_loop().create_future()
        asked = self._pending.setdefault(execution_id, _Asked(answer))
        asked.users += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._answer_all(database, sleep))
        try:
            return await asyncio.shield(asked.answer)
        finally:
            asked.users -= 1
            if asked.users == 0 and self._pending.get(execution_id) is asked:
                del self._pending[execution_id]

    async def _answer_all(self, database: DatabaseHook, sleep: Sleep) -> None:
        """Answer until no caller waits any more."""
        unbind_execution()  # it began in the context of the first that asks
        await asyncio.sleep(GATHER_SECONDS)
        while self._pending:
            wanted = list(self._pending)
            try:
                answers = await asyncio.to_thread(self._answers_isolating_errors, database, wanted)
            except AWAY as err:
                log.warning(
                    "Rows of %s executions cannot be read yet: %s", len(wanted), one_line(err)
                )
                await sleep(DATABASE_PAUSE_SECONDS)
            else:
                self._give(answers)
                await self.pause(sleep)

    def _answers_isolating_errors(
        self, database: DatabaseHook, execution_ids: Sequence[UUID]
    ) -> dict[UUID, T | _NoAnswer]:
        """Ask about all at once; where that fails, find out which of them it is about.

        A question about none at all fails where no row is the cause: a privilege or a column is
        missing. Then all get that error.
        """
        try:
            return {**self.answers(database, execution_ids)}
        except AWAY:
            raise
        except Exception as err:  # noqa: BLE001 - the next question shows what it is about
            failed = err
        try:
            self.answers(database, ())
        except AWAY:
            raise
        except Exception as err:  # noqa: BLE001 - each who waits gets it
            log_failure(f"{len(execution_ids)} executions", err)
            return dict.fromkeys(execution_ids, _NoAnswer(err))
        return self._answers_by_halves(database, execution_ids, failed)

    def _answers_by_halves(
        self, database: DatabaseHook, execution_ids: Sequence[UUID], failed: Exception
    ) -> dict[UUID, T | _NoAnswer]:
        """Ask about each half of those that a question failed about; one row is the cause."""
        if len(execution_ids) == 1:
            log_failure(f"execution {execution_ids[0]}", failed)
            return {execution_ids[0]: _NoAnswer(failed)}
        middle = len(execution_ids) // 2
        answers: dict[UUID, T | _NoAnswer] = {}
        for half in (execution_ids[:middle], execution_ids[middle:]):
            try:
                answers |= self.answers(database, half)
            except AWAY:
                raise
            except Exception as err:  # noqa: BLE001 - it is about one of this half
                answers |= self._answers_by_halves(database, half, err)
        return answers

    def _give(self, answers: Mapping[UUID, T | _NoAnswer]) -> None:
        for execution_id, answer in answers.items():
            asked = self._pending.pop(execution_id, None)
            if asked is None:
                continue
            if isinstance(answer, _NoAnswer):  # each who waits gets the error, or would wait on
                asked.answer.set_exception(answer.error)
            else:
                asked.answer.set_result(answer)

    @abstractmethod
    def answers(self, database: DatabaseHook, execution_ids: Sequence[UUID]) -> Mapping[UUID, T]:
        """Ask the database, in a thread; who is left out is asked about again."""

    async def pause(self, sleep: Sleep) -> None:
        """Wait before the next look."""


class ExecutionRowBatcher(_SharedLookup["WaitingExecution | None"]):
    """Gives rows, None where there is none; those asked for in one moment with one statement."""

    def answers(
        self, database: DatabaseHook, execution_ids: Sequence[UUID]
    ) -> Mapping[UUID, WaitingExecution | None]:
        """Read the rows."""
        with database.transaction() as connection:
            rows = select_waiting_executions(connection, execution_ids)
        return {execution_id: rows.get(execution_id) for execution_id in execution_ids}


class SlotWaiters(_SharedLookup[str]):
    """Says when an execution has got a slot, or has ended without, in a few words."""

    def answers(self, database: DatabaseHook, execution_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Grant what is free in each account that somebody waits for, once for all of them."""
        with closing(database.get_conn()) as connection:
            with connection:
                rows = select_waiting_executions(connection, execution_ids)
            answers = {key: _slot_outcome(rows.get(key)) for key in execution_ids}
            waiting = {row.account_key: row for key, row in rows.items() if not answers[key]}
            for row in waiting.values():
                granted = _granted(connection, row)
                answers |= dict.fromkeys(granted & answers.keys(), "slot granted")
        return {key: answer for key, answer in answers.items() if answer}

    async def pause(self, sleep: Sleep) -> None:
        """Leave time for an execution to end and free its slot."""
        await sleep(SLOT_POLL_SECONDS)


def _slot_outcome(row: WaitingExecution | None) -> str:
    """Return the outcome of an execution that waits for a slot; nothing while it does."""
    if row is None:
        return "gone"
    if row.slot_granted_at is not None:
        return "slot granted"
    return "" if row.is_open else "ended"


def _granted(connection: DatabaseConnection, row: WaitingExecution) -> set[UUID]:
    """Grant the slots of an account; one that is locked holds up the others for a moment only."""
    try:
        with connection:
            fetch_one(connection, "set_lock_timeout", milliseconds=ACCOUNT_LOCK_MILLISECONDS)
            return grant_slots(connection, row.instance_key, now=datetime.now(UTC))
    except psycopg2.Error as err:
        log.warning("Slots of account %s cannot be granted yet: %s", row.account_key, one_line(err))
        return set()
