"""The trigger form's fields: the window, then the query's parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from airflow.sdk import DAG, Param

from recomamp.domain.scheduling.typed_times import TypedTimes
from recomamp.domain.sql.parameters import Parameter, json_schema, json_value

# What a person or a program may write: a day or a time in ISO form
_TYPED = {
    "type": ["null", "string"],
    "pattern": r"^$|^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?$",
}
# A day gets a date picker: the UI shows one for this type and format. Airflow's own check ignores
# both, as JSON schema does beside $ref up to draft 7, so that REST and the CLI may send times too.
_DAY_SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$ref": "#/definitions/typed",
    "definitions": {"typed": _TYPED},
    "type": ["null", "string"],
    "format": "date",
}
# A time gets a text field. Airflow's picker of times would read the picked time in the zone that
# the UI shows, and send it without naming that zone.
_WINDOW_FIELDS = {"window_start": "Window start", "window_end": "Window end"}
_DAYS = {"window_start": "First day", "window_end": "The day after the last"}
_TIMES = {"window_start": "First time", "window_end": "Time after the last"}


def add_params(dag: DAG, typed: TypedTimes, parameters: Mapping[str, Parameter]) -> None:
    """Give a DAG whose tasks are complete its form.

    :param typed: the row's rule for days and times, whose zone the fields name.

    Not with the DAG's arguments: Airflow then copies all fields into each task, and compiles and
    checks every field's JSON schema again for each DAG. That is more than half of what a DAG costs.

    :raises ParamValidationError: when a value is not what its own schema says.
    """
    schema: dict[str, Any] = _DAY_SCHEMA if typed.is_whole_days else _TYPED
    kind, example = (_DAYS, "") if typed.is_whole_days else (_TIMES, ", as 2026-05-04T06:00")
    for name, title in _WINDOW_FIELDS.items():
        described = (
            f"{kind[name]}, in {typed.time_zone}{example}. "
            "Leave both ends empty for the run's own window."
        )
        named = {"title": f"{title} ({typed.time_zone})", "section": "Window"}
        dag.params[name] = _param(None, described, {**schema, **named})
    for name, parameter in sorted(parameters.items()):
        schema = {**json_schema(parameter), "section": "Parameters"}
        described = schema.pop("description", None)
        dag.params[name] = _param(json_value(parameter), described, schema)


def _param(value: Any, description: str | None, schema: dict[str, Any]) -> Param:
    check_once(json.dumps(value), json.dumps(schema))
    return Param(value, description, **schema)


@lru_cache(maxsize=4096)
def check_once(value: str, schema: str) -> None:
    """Let Airflow check a value against its schema, once for all DAGs that have the same."""
    Param(json.loads(value), **json.loads(schema)).resolve()
