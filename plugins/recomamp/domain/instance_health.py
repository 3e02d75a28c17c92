"""What a check of an AMC instance says: whether runs on it can succeed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from recomamp.errors import (
    ConfigurationError,
    ConsentRevoked,
    InvalidDefinition,
    PipelineError,
    RequestRejected,
)

MAX_ERROR = 1000

# Nothing works on the instance, regardless of Amazon's other answers
_NEEDS_SOMEBODY = (ConsentRevoked, InvalidDefinition, ConfigurationError)

# Amazon's words where nobody has accepted the terms in the region of the instance
_TERMS = re.compile(r"terms and conditions must be accepted", re.IGNORECASE)
# An answer has another request id each time; what is shown must change with its cause only
_REQUEST_ID = re.compile(r" \(request id [^)]*\)")


class HealthStatus(StrEnum):
    """Health of an instance (constraint ``chk_instance_health_status``)."""

    UNKNOWN = "UNKNOWN"  # never checked
    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"  # something is wrong that may pass by itself; runs are tried
    ERROR = "ERROR"  # no run can succeed until somebody acts; runs fail at once

    @classmethod
    def parse(cls, text: str | None) -> HealthStatus:
        """Read a stored status; UNKNOWN where the pipeline does not know it."""
        try:
            return cls(text or "")
        except ValueError:
            return cls.UNKNOWN


class CreationStatus(StrEnum):
    """How far Amazon is with creating an instance; SUCCEEDED is the earlier name of COMPLETED."""

    REQUESTED = "REQUESTED"
    SUBMITTED = "SUBMITTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_ready(self) -> bool:
        """Return whether the instance takes queries."""
        return self in (CreationStatus.COMPLETED, CreationStatus.SUCCEEDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthProbe:
    """What Amazon said when it was asked about an instance.

    ``administration`` and ``reporting`` are what went wrong with the two calls, None where they
    went well. ``creation_status`` and ``instance_type`` are Amazon's own words, None where it
    did not say.
    """

    administration: PipelineError | None = None
    reporting: PipelineError | None = None
    creation_status: str | None = None
    instance_type: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """The health of an instance; ``error`` is None where nothing is wrong."""

    status: HealthStatus
    error: str | None = None


def evaluate_health(answers: HealthProbe) -> Health:
    """Return the health of an instance by Amazon's answers.

    ERROR is said only where runs certainly fail: reporting, which they need, is refused (4xx), the
    user's consent is gone, or a setting or row is wrong. A 401 that outlives a new token, like
    5xx, throttling and silence, may pass, and so may an administration API that alone refuses.
    """
    for error in (answers.reporting, answers.administration):
        if isinstance(error, _NEEDS_SOMEBODY):
            return _unhealthy(HealthStatus.ERROR, text_of_error(error))
    creation = _parse(answers.creation_status)
    reported = f"Amazon reports creationStatus {answers.creation_status}"
    if creation is CreationStatus.FAILED:
        return _unhealthy(HealthStatus.ERROR, f"{reported}: have the instance created again")
    if creation is not None and not creation.is_ready:
        return _unhealthy(HealthStatus.UNHEALTHY, f"{reported}: the instance is not ready yet")
    if answers.reporting is not None:
        is_final = isinstance(answers.reporting, RequestRejected)
        status = HealthStatus.ERROR if is_final else HealthStatus.UNHEALTHY
        return _unhealthy(status, _with_remedy(answers.reporting))
    if answers.administration is not None:
        return _unhealthy(
            HealthStatus.UNHEALTHY, f"reporting works, but {_with_remedy(answers.administration)}"
        )
    if answers.creation_status is not None and creation is None:
        return _unhealthy(HealthStatus.UNHEALTHY, f"{reported}, which is none of its known words")
    return Health(status=HealthStatus.HEALTHY)


def _with_remedy(error: PipelineError) -> str:
    """Return an error's text; before Amazon's words what a user has to do, where that is known."""
    said = text_of_error(error)
    if _TERMS.search(said):
        return (
            "the terms of Amazon Marketing Cloud are not accepted; an administrator of the "
            "account accepts them in the Amazon Ads console, once for each region "
            f"(NA, EU, FE). Amazon's words: {said}"
        )
    return said


def text_of_error(error: PipelineError | str) -> str:
    """Return an error's text without what differs each time the same thing goes wrong."""
    return _REQUEST_ID.sub("", str(error))


def _unhealthy(status: HealthStatus, error: str) -> Health:
    return Health(status=status, error=error[:MAX_ERROR] or status)


def _parse(word: str | None) -> CreationStatus | None:
    try:
        return CreationStatus((word or "").upper())
    except ValueError:
        return None
