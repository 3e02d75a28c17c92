"""Failed calls: one warning in the log each, and one call of the observer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

import httpx

from recomamp.amazon.error_mapping import request_id_of
from recomamp.amazon.redaction import without_sent_secrets
from recomamp.errors import AmazonError, PipelineError

E = TypeVar("E", bound=PipelineError)

MAX_MESSAGE = 2000  # characters

_EXTENSION = "recomamp.try"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedCall:
    """One try of a call that failed, with nothing secret of it.

    ``path`` is without its query; ``status`` is None when no answer came; ``attempt`` counts the
    tries of one call, from 1.
    """

    at: datetime
    method: str
    path: str
    operation: str
    status: int | None
    code: str | None
    request_id: str | None
    message: str
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CallOutcome:
    """One try of a call, good or bad. ``status`` is None where no answer came."""

    operation: str
    status: int | None
    duration_seconds: float


Observe: TypeAlias = Callable[[FailedCall], Awaitable[None]]
Measure: TypeAlias = Callable[[CallOutcome], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class CallAttempt:
    """The operation of a request, the number of its try, and who hears of it.

    ``observe`` hears of its failure, ``measure`` of its outcome. ``repeatable`` is False where
    sending the request twice would do harm.
    """

    operation: str
    number: int = 1
    observe: Observe | None = None
    measure: Measure | None = None
    repeatable: bool = True

    @property
    def extension(self) -> dict[str, Any]:
        """What a request carries, so that signing in on its behalf is observed too."""
        return {_EXTENSION: self}


def attempt_of(request: httpx.Request) -> CallAttempt:
    """Return which try a request is."""
    found = request.extensions.get(_EXTENSION)
    return found if isinstance(found, CallAttempt) else CallAttempt(operation="unknown")


async def report_failure(
    request: httpx.Request, error: E, response: httpx.Response | None = None
) -> E:
    """Log one line about a failed call, call its observer and return the error.

    :param response: the answer, None when there was none.
    """
    this = attempt_of(request)
    said = error if isinstance(error, AmazonError) else error.__cause__
    in_headers = request_id_of(response) if response is not None else None
    request_id = getattr(said, "request_id", None) or in_headers
    call = FailedCall(
        at=datetime.now(UTC),
        method=request.method,
        path=request.url.path,
        operation=this.operation,
        status=response.status_code if response is not None else None,
        code=getattr(said, "code", None),
        request_id=without_sent_secrets(request_id, request) if request_id else None,
        # Cut before secrets are removed too, so that the work is bounded
        message=without_sent_secrets(str(error)[: 2 * MAX_MESSAGE], request)[:MAX_MESSAGE],
        attempt=this.number,
    )
    log.warning(
        "%s %s failed: %s, status %s, request id %s",
        call.method,
        call.path,
        type(error).__name__,
        call.status,
        call.request_id,
    )
    if this.observe is not None:
        await this.observe(call)
    return error
