"""Values of results as text that keeps every digit: no number passes through a float."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any


def cells_of(text: str | None, names: Sequence[str] | None = None) -> Any:
    """Read a JSON object as a list of texts in the order of these names, None for a null.

    Without names it returns a dictionary of all members, or None where there is no object.
    """
    read = None if text is None else json.loads(text, parse_float=str, parse_int=str)
    row = read if isinstance(read, dict) else {}  # a document of the application may hold anything
    if names is not None:
        return [cell_text(row.get(name)) for name in names]
    return {name: cell_text(value) for name, value in row.items()} or None


def cell_text(value: Any) -> str | None:
    """Write a value of a result as it is in the result's document, without quotes."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):  # times too
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
