"""The contract of a result's columns: which may change, and what a change does."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from recomamp.domain.result_columns import OutputColumn
from recomamp.domain.text import one_line

MAX_CHANGES = 20  # that are named
_MAX_NAME = 100


class ResultContract(StrEnum):
    """What a change of columns does (constraint ``chk_workflow_result_contract``)."""

    EVOLVE = "EVOLVE"
    REPORT = "REPORT"
    FREEZE = "FREEZE"


def column_changes(before: Sequence[OutputColumn], now: Sequence[OutputColumn]) -> list[str]:
    """Return how columns differ from those of the result before; their order does not matter."""
    types_before = {column.name: column.type_name for column in before}
    types_now = {column.name: column.type_name for column in now}
    added = [
        f"{_shown(name)} is added ({kind})"
        for name, kind in types_now.items()
        if name not in types_before
    ]
    gone = [
        f"{_shown(name)} is gone ({kind})"
        for name, kind in types_before.items()
        if name not in types_now
    ]
    changed = [
        f"{_shown(name)} changed its type from {types_before[name]} to {kind}"
        for name, kind in types_now.items()
        if types_before.get(name, kind) != kind
    ]
    return added + gone + changed


def changes_in_words(changes: Sequence[str]) -> str:
    """Return changes of columns as one line of bounded length."""
    shown = list(changes[:MAX_CHANGES])
    if more := len(changes) - len(shown):
        shown.append(f"and {more} more")
    return "; ".join(shown)


def _shown(name: str) -> str:
    return f"column {one_line(name, _MAX_NAME)}"
