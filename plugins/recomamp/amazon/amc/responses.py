"""What AMC answers, as values. Tolerant of what the API is known to vary, of nothing else.

Bodies come flat or wrapped, with fields more or fewer than promised, and statuses outside the
published list. ``repeatable`` means the same as in ``failures``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from recomamp.amazon.base_client import ListPage
from recomamp.amazon.error_mapping import build_error, json_object, raise_for, request_id_of
from recomamp.amazon.error_text import sanitize, words_of
from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution
from recomamp.errors import AmazonError, SubmissionUnknown, TransientError, UnexpectedResponse

T = TypeVar("T")

# What every column and every sum of the pipeline can hold. Other numbers and times are absent
_MAX_SECONDS = 2**31 - 1
_YEARS = range(2000, 9990)

_WRAPPERS = ("workflowExecution", "execution")
_LISTS = ("executions", "workflowExecutions")
_LINKS = ("url", "downloadUrl")
_REASONS = ("statusReason", "message", "messageSubject", "error", "errors", "details")


def read_execution(response: httpx.Response, *, repeatable: bool = True) -> AmcExecution:
    """Read the answer to a create or get call.

    :raises AmazonError: when it is an error, or not an execution.
    """
    raise_for(response, repeatable=repeatable)
    body = json_object(response)
    if body is None:
        raise build_error(response, TransientError if repeatable else SubmissionUnknown, _NOT_JSON)
    execution = _execution(body, request_id_of(response))
    if execution is None:
        raise build_error(response, UnexpectedResponse if repeatable else SubmissionUnknown, _NO_ID)
    return execution


def read_executions(response: httpx.Response) -> ListPage[AmcExecution]:
    """Read a page of executions.

    An answer that holds no list is an error, never an empty page: "nothing there" may lead the
    caller to submit again.
    """
    request_id = request_id_of(response)

    def read(item: Mapping[str, Any]) -> AmcExecution:
        execution = _execution(item, request_id)
        if execution is None:
            raise build_error(response, UnexpectedResponse, _NO_ID)
        return execution

    return _page(response, _LISTS, read)


def read_acknowledgement(response: httpx.Response) -> None:
    """Read an answer that says no more than that it was done; a gateway's page does not say it."""
    raise_for(response)
    if response.content and json_object(response) is None:
        raise build_error(response, TransientError, _NOT_JSON)


def read_download_urls(response: httpx.Response) -> ListPage[str]:
    """Read links to the parts of a result, in order. Secret: anybody may download with them."""
    raise_for(response)
    body = json_object(response)
    if body is None:
        raise _unquoted(response, TransientError)
    listed = body.get("downloadUrls") or []
    links = [_link(one) for one in listed] if isinstance(listed, list) else [None]
    if None in links or not _has_readable_token(body):
        raise _unquoted(response, UnexpectedResponse)
    return ListPage(items=tuple(filter(None, links)), next_token=_text(body, "nextToken"))


def read_data_sources(response: httpx.Response) -> ListPage[Mapping[str, Any]]:
    """Read a page of the instance's tables, each as AMC describes it."""
    return _page(response, ("dataSources",), lambda item: item)


def _link(listed: Any) -> str | None:
    """Return a link, which AMC lists as text or as an object that holds it."""
    if isinstance(listed, str):
        return listed or None
    return next(filter(None, (_text(listed, key) for key in _LINKS)), None)


_NOT_JSON = "JSON was expected"
_NO_ID = "an execution with a workflowExecutionId was expected"


def _page(
    response: httpx.Response, keys: tuple[str, ...], read: Callable[[Mapping[str, Any]], T]
) -> ListPage[T]:
    raise_for(response)
    body = json_object(response)
    if body is None:
        raise build_error(response, TransientError, _NOT_JSON)
    key = next((key for key in keys if key in body), None)
    items = [] if key is not None and body[key] is None else body.get(key or keys[0])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise build_error(response, UnexpectedResponse, f"a list {keys[0]!r} was expected")
    if not _has_readable_token(body):
        raise build_error(response, UnexpectedResponse, "a text 'nextToken' was expected")
    return ListPage(items=tuple(map(read, items)), next_token=_text(body, "nextToken"))


def _has_readable_token(body: Mapping[str, Any]) -> bool:
    """Return whether it is known if another page follows: a list must not end early unnoticed."""
    return isinstance(body.get("nextToken"), str | None)


def _unquoted(response: httpx.Response, kind: type[AmazonError]) -> AmazonError:
    """Describe an unreadable answer without its text, which may hold signed links."""
    path, request_id = response.request.url.path, request_id_of(response)
    return kind(
        f"GET {path} answered without a list of links (request id {request_id})",
        status=response.status_code,
        request_id=request_id,
    )


def _execution(body: Mapping[str, Any], request_id: str | None) -> AmcExecution | None:
    """Read one execution, wrapped or flat; None without an id, because nothing names it then."""
    fields = next((body[key] for key in _WRAPPERS if isinstance(body.get(key), dict)), body)
    amc_execution_id = _text(fields, "workflowExecutionId")
    if amc_execution_id is None:
        return None
    amc_status = sanitize(_text(fields, "status") or "")
    values, columns = fields.get("parameterValues"), fields.get("outputColumns")
    return AmcExecution(
        amc_execution_id=amc_execution_id,
        workflow_id=_text(fields, "workflowId"),
        status=AmcStatus.parse(amc_status),
        amc_status=amc_status,
        status_reason=words_of({key: fields.get(key) for key in _REASONS}) or None,
        create_time=_time(fields, "createTime"),
        last_updated_time=_time(fields, "lastUpdatedTime"),
        window_start=_time(fields, "timeWindowStart"),
        window_end=_time(fields, "timeWindowEnd"),
        parameter_values=values if isinstance(values, dict) else {},
        output_columns=tuple(columns) if isinstance(columns, list) else (),
        execution_time_seconds=_seconds(fields, "executionTime"),
        sql_query=_text(fields, "sqlQuery") or _text(fields.get("workflow") or {}, "sqlQuery"),
        request_id=request_id,
    )


def _text(fields: Any, key: str) -> str | None:
    value = fields.get(key) if isinstance(fields, dict) else None
    return value if isinstance(value, str) and value else None


def _seconds(fields: Mapping[str, Any], key: str) -> float | None:
    value = fields.get(key)
    if not isinstance(value, int | float) or not 0 <= value <= _MAX_SECONDS:
        return None  # also what is not a number: JSON of Python may have NaN
    return float(value)


def _time(fields: Mapping[str, Any], key: str) -> datetime | None:
    """Read a time, UTC where AMC writes no offset; None when absent, unreadable or odd."""
    try:
        time = datetime.fromisoformat(_text(fields, key) or "")
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if time.year in _YEARS else None
