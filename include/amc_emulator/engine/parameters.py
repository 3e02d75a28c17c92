"""Values of CUSTOM_PARAMETER and BUILT_IN_PARAMETER, as typed literals of the tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from amc_emulator.engine.position import error_at
from amc_emulator.engine.query import Query, QueryRejected

MISSING = object()


def bind_parameters(tree: exp.Query, query: Query) -> exp.Query:
    """Return the tree with its parameter functions replaced by literals.

    :raises QueryRejected: a parameter is not declared, or has no valid value.
    """
    declared = {str(item["name"]): item for item in query.input_parameters}
    for node in list(tree.find_all(exp.Anonymous)):
        word = node.name.upper()
        if word == "CUSTOM_PARAMETER":
            node.replace(_custom(node, declared, query))
        elif word == "BUILT_IN_PARAMETER":
            node.replace(_built_in(node, query))
    return tree


def _custom(node: exp.Anonymous, declared: dict[str, Any], query: Query) -> exp.Expr:
    name = _argument(node)
    if name not in declared:
        raise QueryRejected(
            f"Filter operation {_operation(node)} referenced an undeclared parameter {name}.",
            undeclared_parameter=name,
        )
    data_type = declared[name].get("dataType", "STRING")
    value = query.parameter_values.get(name, declared[name].get("defaultValue", MISSING))
    if value is MISSING or value is None:
        raise QueryRejected(f"Parameter {name} has neither a value nor a default value.")
    if isinstance(data_type, dict) or data_type == "ARRAY" or isinstance(value, list):
        if isinstance(node.parent, exp.In):
            raise error_at(node, "Values passed to IN operator must have compatible types")
        return _array(name, data_type, value)
    return _scalar(name, str(data_type), value)


def _built_in(node: exp.Anonymous, query: Query) -> exp.Expr:
    moments = {
        "TIME_WINDOW_START": query.time_window_start,
        "TIME_WINDOW_END": query.time_window_end,
    }
    name = _argument(node)
    if name not in moments:
        raise QueryRejected(f"Unknown built-in parameter {name}.")
    return timestamp(moments[name].replace(tzinfo=None))


def timestamp(moment: datetime) -> exp.Cast:
    """Return a literal for a naive UTC moment."""
    text = moment.isoformat(sep=" ", timespec="microseconds")
    return exp.cast(exp.Literal.string(text), "TIMESTAMP")


def _argument(node: exp.Anonymous) -> str:
    arguments = node.expressions
    if len(arguments) != 1 or not arguments[0].is_string:
        raise error_at(node, f"{node.name.upper()} takes the name of a parameter as a string.")
    return str(arguments[0].this)


def _operation(node: exp.Expr) -> str:
    holder = node.find_ancestor(exp.Predicate, exp.Func, exp.Query)
    return "PROJECT" if holder is None or isinstance(holder, exp.Query) else holder.key.upper()


def _array(name: str, data_type: Any, value: Any) -> exp.Expr:
    element = data_type.get("elementDataType", "STRING") if isinstance(data_type, dict) else None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as err:
            raise _wrong(name, value, "ARRAY") from err
    if not isinstance(value, list):
        raise _wrong(name, value, "ARRAY")
    items = [_scalar(name, element or _guess(item), item) for item in value]
    return exp.cast(exp.Array(expressions=items), f"{_sql_type(element or 'STRING')}[]")


def _guess(item: Any) -> str:
    return "LONG" if isinstance(item, int) and not isinstance(item, bool) else "STRING"


def _scalar(name: str, data_type: str, value: Any) -> exp.Expr:
    if data_type not in READERS:
        raise QueryRejected(f"Parameter {name} has the unsupported data type {data_type}.")
    if isinstance(value, (dict, list)):
        raise _wrong(name, value, data_type)
    try:
        text = READERS[data_type](value)
    except (ValueError, InvalidOperation) as err:
        raise _wrong(name, value, data_type) from err
    return exp.cast(exp.Literal.string(text), _sql_type(data_type))


def _wrong(name: str, value: Any, data_type: str) -> QueryRejected:
    return QueryRejected(f"Value {value!r} of parameter {name} is not a valid {data_type}.")


def _integer(value: Any) -> str:
    if isinstance(value, (bool, float)):
        raise ValueError(value)
    return str(int(value))


def _decimal(value: Any) -> str:
    number = Decimal(str(value))
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError(value)
    return format(number, "f")


def _boolean(value: Any) -> str:
    word = str(value).lower()
    if word not in {"true", "false"}:
        raise ValueError(value)
    return word


def _time_column(value: Any) -> str:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is not None:
        moment = (moment - (moment.utcoffset() or moment.resolution * 0)).replace(tzinfo=None)
    return moment.isoformat(sep=" ")


READERS: dict[str, Callable[[Any], str]] = {
    "STRING": str,
    "BYTE": _integer,
    "SHORT": _integer,
    "INTEGER": _integer,
    "LONG": _integer,
    "DECIMAL": _decimal,
    "DOUBLE": _decimal,
    "FLOAT": _decimal,
    "BOOLEAN": _boolean,
    "DATE": lambda value: date.fromisoformat(str(value)).isoformat(),
    "TIMESTAMP": _time_column,
}
SQL_TYPES = {
    "STRING": "VARCHAR",
    "BYTE": "TINYINT",
    "SHORT": "SMALLINT",
    "LONG": "BIGINT",
    "DECIMAL": "DECIMAL(38, 17)",
}


def _sql_type(data_type: str) -> str:
    return SQL_TYPES.get(data_type, data_type)
