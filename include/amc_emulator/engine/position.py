"""The position of an error in a query, as Calcite words it."""

from __future__ import annotations

from sqlglot import exp

from amc_emulator.engine.query import QueryRejected


def error_at(node: exp.Expr, text: str) -> QueryRejected:
    """Return a rejection that begins with the position of `node`, where it is known."""
    return QueryRejected(f"{_position(node)}{text}")


def _position(node: exp.Expr) -> str:
    spots = [n.meta for n in node.walk() if "line" in n.meta]
    if not spots:
        return ""
    first, last = min(spots, key=lambda s: s["start"]), max(spots, key=lambda s: s["end"])
    column = first["col"] - (first["end"] - first["start"])
    begin = f"line {first['line']}, column {column}"
    end = f"line {last['line']}, column {last['col']}"
    return f"At {begin}: " if begin == end else f"From {begin} to {end}: "
