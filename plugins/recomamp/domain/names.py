"""Names that executions have at AMC."""

from __future__ import annotations

_NAMELESS = "transient_"


def is_nameless(workflow_id: str | None) -> bool:
    """Tell whether AMC has given the name: the query came without one, or its own was not kept."""
    return workflow_id is None or workflow_id.startswith(_NAMELESS)
