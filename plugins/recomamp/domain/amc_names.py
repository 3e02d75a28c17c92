"""The names of executions at AMC: AMC calls them ``workflowId``."""

from __future__ import annotations

import re
from uuid import UUID

_OWN_NAME = re.compile(r"recomamp-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_DRY_RUN = "recomamp-dry-"
_MADE_UP = "transient_"  # what AMC calls an execution whose name it does not keep


def amc_workflow_id(execution_id: UUID) -> str:
    """Return the name under which AMC knows an execution."""
    return f"recomamp-{execution_id}"


def dry_run_workflow_id(workflow_id: UUID) -> str:
    """Return the name under which AMC knows the dry runs of a workflow."""
    return f"{_DRY_RUN}{workflow_id}"


def is_dry_run(workflow_id: str | None) -> bool:
    """Return whether a name at AMC is that of a dry run, which takes no slot."""
    return (workflow_id or "").startswith(_DRY_RUN)


def execution_id_of(workflow_id: str | None) -> UUID | None:
    """Return the execution that a name at AMC belongs to, None where the name is not ours."""
    matched = _OWN_NAME.fullmatch(workflow_id or "")
    return UUID(matched[1]) if matched else None


def is_nameless(workflow_id: str | None) -> bool:
    """Return whether AMC made up the name: none was sent, or AMC did not keep it."""
    return workflow_id is None or workflow_id.startswith(_MADE_UP)
