"""What a row of ``run_requests`` may ask for, and how far it is."""

from __future__ import annotations

from enum import StrEnum


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
