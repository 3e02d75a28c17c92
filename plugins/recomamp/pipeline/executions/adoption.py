"""Find at AMC what an earlier sending has left there: it is adopted, and not sent again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.search import SentQuery, find_sent
from recomamp.domain.executions import AmcExecution, Execution
from recomamp.domain.text import one_line
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.executions import mark_submitted, select_execution_by_amc_id

log = logging.getLogger(__name__)

DEADLINE = timedelta(hours=24)  # from acceptance, for AMC's queue and the run


async def find_submitted_execution(
    execution: Execution, amc: AmcClient, database: DatabaseHook, in_doubt: str
) -> AmcExecution | None:
    """Find what may have been sent. Where AMC cannot be asked, the attempt stays open.

    :param in_doubt: why it may have been sent.
    :raises SubmissionUnknown: when AMC does not let us look.
    """
    log.warning("Execution %s: looking for it at AMC: %s", execution.id, one_line(in_doubt))
    found = await find_sent(
        SentQuery(
            workflow_id=execution.amc_workflow_id,
            sql=execution.submitted_sql,
            window=execution.window,
            parameter_values=execution.parameters,
            sent_at=execution.submission_started_at or execution.created_at,
        ),
        amc,
        in_doubt,
        is_claimed=lambda candidate: is_claimed_by_other(candidate, execution, database),
    )
    if found:
        log.info("Execution %s adopted %s", execution.id, one_line(found.amc_execution_id))
    return found


def is_claimed_by_other(
    candidate: AmcExecution, execution: Execution, database: DatabaseHook
) -> bool:
    """Return whether a row of any user has adopted what AMC lists."""
    with database.transaction() as connection:
        owner = select_execution_by_amc_id(
            connection, execution.instance_id, candidate.amc_execution_id
        )
    return owner not in (None, execution.id)


def adopt(
    connection: Connection, execution_id: UUID, found: AmcExecution, *, now: datetime
) -> bool:
    """Store the id of what AMC lists for a row. False where the row waits for no id.

    :raises SubmissionUnknown: when another row was quicker to adopt it. The transaction is lost.
    """
    submitted_at = min(found.create_time or now, now)  # AMC's clock may be ahead
    return mark_submitted(
        connection,
        execution_id,
        amc_execution_id=found.amc_execution_id,
        amc_status=found.status,
        amazon_request_id=None,
        submitted_at=submitted_at,
        deadline_at=submitted_at + DEADLINE,
    )
