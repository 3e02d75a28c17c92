"""The trigger form's fields: the window, then the query's parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from airflow.sdk import DAG, Param

from recomamp.domain.parameters import Parameter, json_schema, json_value

_WINDOW_SCHEMA = {"type": ["null", "string"], "format": "date-time", "section": "Window"}
_WINDOW_FIELDS = {"window_start": "Window start", "window_end": "Window end"}


def add_params(dag: DAG, parameters: Mapping[str, Parameter]) -> None:
    """Give a DAG whose tasks are complete its form.

    Not with the DAG's arguments: Airflow then copies all fields into each task, and compiles and
    checks every field's JSON schema anew for each DAG. That is more than half of what a DAG costs.

    :raises ParamValidationError: when a value is not what its own schema says.
    """
    for name, title in _WINDOW_FIELDS.items():
        described = "Leave both ends empty for the run's own window."
        dag.params[name] = _param(None, described, {**_WINDOW_SCHEMA, "title": title})
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
