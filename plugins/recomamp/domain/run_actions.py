"""What a row of ``run_requests`` may ask for, and how far it is."""

from __future__ import annotations

from enum import StrEnum

from recomamp.domain.execution_states import AmcStatus, ExecutionStatus


class RunAction(StrEnum):
    """What is to be done (constraint ``chk_run_request_action``)."""

    RUN = "RUN"
    RETRY = "RETRY"
    CANCEL = "CANCEL"
    BACKFILL = "BACKFILL"
    LOAD = "LOAD"
    RESTATE = "RESTATE"  # the pipeline alone asks for it


class RequestStatus(StrEnum):
    """State of a request (constraint ``chk_run_request_status``)."""

    PENDING = "PENDING"  # Airflow was not asked yet, or does not answer
    ACCEPTED = "ACCEPTED"  # Airflow answers; the request may wait for something
    DONE = "DONE"  # Airflow has taken it
    REFUSED = "REFUSED"


def actions_on(status: str, amc_status: str | None, *, is_latest_attempt: bool) -> list[RunAction]:
    """Return what a request may ask for an execution of a definition that is still there.

    A request that Airflow's state forbids is refused later, with its reason.

    :param status: of the row.
    :param amc_status: AMC's own, None before it has accepted the execution.
    :param is_latest_attempt: of its DAG run. A request on an earlier one would be on the latest.
    """
    known = ExecutionStatus.parse(status)
    if known is None or not is_latest_attempt:
        return []
    if known.is_open:
        return [RunAction.CANCEL]
    if known is ExecutionStatus.SUCCESS or amc_status == AmcStatus.SUCCEEDED:
        return [RunAction.RETRY, RunAction.LOAD]
    return [RunAction.RETRY]
