"""Rows of ``run_requests``: what people ask for, claimed by one follower at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.run_actions import RequestStatus
from recomamp.domain.text import one_line
from recomamp.store.statements import execute_returning, fetch_all, fetch_one

MAX_REASON = 2000  # characters, as chk_run_requests_reason_length


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedRequest:
    """A request in one follower's hands, with what it is about. Ids of missing rows are None."""

    id: UUID
    claim_id: UUID
    user_id: UUID
    action: str
    schedule_id: UUID | None
    collection_id: UUID | None
    execution_id: UUID | None
    dag_run_id: str | None
    window_start: datetime | None
    window_end: datetime | None
    from_date: date | None
    to_date: date | None
    reprocess_behavior: str | None
    parameters: Mapping[str, Any] | None
    status: str
    accepted_at: datetime | None
    attempts: int  # this one included
    last_backfill_id: int | None
    last_week: int | None
    user_is_active: bool
    execution_status: str | None
    amc_status: str | None
    error_type: str | None
    has_later_attempt: bool

    @property
    def definition(self) -> DefinitionRef | None:
        """The schedule or collection whose DAG is asked, None where it is deleted."""
        if self.schedule_id is not None:
            return DefinitionRef(DefinitionKind.SCHEDULE, self.schedule_id)
        if self.collection_id is not None:
            return DefinitionRef(DefinitionKind.COLLECTION, self.collection_id)
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    """What the row says since Airflow first answered."""

    accepted_at: datetime
    last_backfill_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedWeek:
    """A failed week of a collection, and its run where an execution names it."""

    week_number: int
    dag_run_id: str | None


def claim_run_request(
    connection: Connection, *, claim_id: UUID, now: datetime, lease: timedelta
) -> ClaimedRequest | None:
    """Take the request whose turn it is; None where none is due."""
    row = fetch_one(
        connection, "claim_run_request", claim_id=claim_id, now=now, claimed_until=now + lease
    )
    return None if row is None else ClaimedRequest(claim_id=claim_id, **row)


def accept_run_request(
    connection: Connection, request: ClaimedRequest, *, now: datetime, last_backfill_id: int | None
) -> Acceptance | None:
    """Say that Airflow answers; None where another follower has the request meanwhile."""
    row = fetch_one(
        connection,
        "accept_run_request",
        request_id=request.id,
        claim_id=request.claim_id,
        accepted_at=now,
        last_backfill_id=last_backfill_id,
    )
    return None if row is None else Acceptance(**row)


def postpone_run_request(
    connection: Connection,
    request: ClaimedRequest,
    *,
    now: datetime,
    delay: timedelta,
    reason: str | None,
    last_week: int | None = None,
) -> bool:
    """Give a request back until its next try; False where another follower has it."""
    return execute_returning(
        connection,
        "postpone_run_request",
        request_id=request.id,
        claim_id=request.claim_id,
        now=now,
        next_try_at=now + delay,
        reason=_bounded(reason),
        last_week=last_week,
    )


def end_run_request(
    connection: Connection,
    request: ClaimedRequest,
    *,
    status: RequestStatus,
    now: datetime,
    reason: str | None = None,
    dag_run_id: str | None = None,
    backfill_id: int | None = None,
) -> bool:
    """Say what became of a request; False where another follower has it."""
    definition = request.definition
    return execute_returning(
        connection,
        "end_run_request",
        request_id=request.id,
        claim_id=request.claim_id,
        status=status.value,
        reason=_bounded(reason),
        dag_id=None if definition is None else definition.dag_id,
        dag_run_id=dag_run_id,
        backfill_id=backfill_id,
        completed_at=now,
    )


def select_failed_weeks(
    connection: Connection, collection_id: UUID, *, after_week: int, limit: int
) -> list[FailedWeek]:
    """Return failed weeks of a collection in their order, those after a week."""
    rows = fetch_all(
        connection,
        "select_failed_weeks",
        collection_id=collection_id,
        after_week=after_week,
        limit=limit,
    )
    return [FailedWeek(**row) for row in rows]


def _bounded(reason: str | None) -> str | None:
    return None if reason is None else one_line(reason, MAX_REASON)
