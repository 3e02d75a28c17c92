"""The execution that log lines and spans are about.

Airflow's logs are structured: each line has what is bound to the context, such as ``dag_id`` and
``run_id``. Here the id of the execution is added, so that one search finds an execution in the logs
of workers, triggerers and the reconciliation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from opentelemetry import trace
from structlog.contextvars import bind_contextvars, bound_contextvars, unbind_contextvars

KEY = "execution_id"
SPAN_ATTRIBUTE = f"recomamp.{KEY}"


def bind_execution(execution_id: UUID | str) -> None:
    """Say from now on, in this context, which execution it is about; on the current span too."""
    bind_contextvars(**{KEY: str(execution_id)})
    trace.get_current_span().set_attribute(SPAN_ATTRIBUTE, str(execution_id))


def unbind_execution() -> None:
    """Say from now on that it is about several executions, or none."""
    unbind_contextvars(KEY)


@contextmanager
def about_execution(execution_id: UUID) -> Iterator[None]:
    """Say within a block which execution it is about."""
    with bound_contextvars(**{KEY: str(execution_id)}):
        yield
