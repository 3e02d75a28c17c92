"""The states an execution goes through, in AMC's words and in ours."""

from __future__ import annotations

from enum import StrEnum


class ExecutionStatus(StrEnum):
    """State of a row of ``workflow_executions`` (constraint ``chk_execution_status``).

    PENDING -> RUNNING -> SUCCESS | FAILED | CANCELLED | TIMEOUT. An open state may also end
    without having run: a refused submission goes from PENDING to FAILED.
    """

    PENDING = "PENDING"  # the intention is written; AMC may or may not know of it yet
    RUNNING = "RUNNING"  # AMC has accepted it, or has finished and the results are not loaded yet
    SUCCESS = "SUCCESS"  # results are loaded
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"

    @classmethod
    def parse(cls, text: str | None) -> ExecutionStatus | None:
        """Read a stored word; None where it is none of ours."""
        try:
            return cls(text or "")
        except ValueError:
            return None

    @property
    def is_open(self) -> bool:
        """Tell whether the execution may still be in flight at AMC."""
        return self in (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)


class AmcStatus(StrEnum):
    """Status that AMC reports for a workflow execution.

    The published enumeration lacks REJECTED (a compile or privacy refusal, seen live) and the
    older PUBLISHING. Whatever else AMC may say is UNKNOWN and is waited on until the deadline.
    """

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PUBLISHING = "PUBLISHING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"  # never captured; a time-out may also come as FAILED
    UNKNOWN = "UNKNOWN"

    @classmethod
    def parse(cls, text: str | None) -> AmcStatus:
        """Read AMC's word, whatever it is."""
        try:
            return cls((text or "").upper())
        except ValueError:
            return cls.UNKNOWN

    @property
    def is_terminal(self) -> bool:
        """Tell whether AMC will change this status no more."""
        return self in _ENDED


_ENDED = {
    AmcStatus.SUCCEEDED: ExecutionStatus.SUCCESS,
    AmcStatus.FAILED: ExecutionStatus.FAILED,
    AmcStatus.REJECTED: ExecutionStatus.FAILED,
    AmcStatus.CANCELLED: ExecutionStatus.CANCELLED,
    AmcStatus.TIMED_OUT: ExecutionStatus.TIMEOUT,
}


def ended_as(status: AmcStatus) -> ExecutionStatus:
    """Map a terminal AMC status to ours.

    :raises KeyError: when the status is not terminal.
    """
    return _ENDED[status]
