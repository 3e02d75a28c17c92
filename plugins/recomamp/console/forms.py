"""What the forms of a workflow, a schedule and a collection send, and what they show.

Values of parameters travel as text, an array as a list of texts: a browser's numbers lose digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from psycopg2.extras import Json
from pydantic import BaseModel, Field

from recomamp.domain.definitions import RESERVED_PARAMETERS
from recomamp.domain.sql.binding import WINDOW_NAMES
from recomamp.domain.sql.parameter_types import Value, write_scalar
from recomamp.domain.sql.parameters import Parameter, declare, json_value, overlay
from recomamp.domain.sql.template import read_template
from recomamp.errors import InvalidDefinition

Text = str | list[str] | None
Row = Mapping[str, Any]

_NEW = UUID(int=0)
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_FRACTION = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,18})?([eE]-?[0-9]{1,2})?")
_MAX_QUERY_CHARS = 300_000  # more than the database takes: its words say how much that is


class ParameterField(BaseModel):
    """A declared parameter of a workflow. ``type`` is LONG, ARRAY<LONG> and the like.

    :param unread: JSON of a stored declaration that cannot be read.
    """

    name: str
    type: str = "STRING"
    value: Text = None
    description: str = ""
    required: bool = True
    unread: str | None = None

    @classmethod
    def of(cls, name: str, raw: object) -> ParameterField:
        """Read a declaration; one that cannot be read becomes the text of its JSON."""
        try:
            one = declare({name: raw})[name]
        except InvalidDefinition:
            return cls(name=name, value=json.dumps(raw), unread=json.dumps(raw))
        return cls(
            name=name,
            type=one.type_name,
            value=_text(one.value),
            description=one.description,
            required=one.required,
        )

    def as_json(self) -> Any:
        """Return the declaration to store; one that cannot be read stays until it changes."""
        if self.unread is not None:
            with suppress(ValueError):
                stored = json.loads(self.unread)
                if self == ParameterField.of(self.name, stored):
                    return stored
        entry: dict[str, Any] = {"type": self.type}
        if self.value is not None:
            entry["default"] = self.value
            # Where it cannot be read, the check of the form says what is wrong
            with suppress(InvalidDefinition):
                entry["default"] = json_value(declare({self.name: entry})[self.name])
        if self.description:
            entry["description"] = self.description
        return entry if self.required else entry | {"required": False}


class WorkflowForm(BaseModel):
    """A row of ``workflows``. ``version`` is that of the row when the form was opened."""

    kind: Literal["workflow"]
    version: str | None = None
    instance_id: UUID
    name: str = ""
    description: str | None = None
    sql_query: str = Field(default="", max_length=_MAX_QUERY_CHARS)
    parameters: list[ParameterField] = Field(default_factory=list, max_length=200)
    tags: list[str] = Field(default_factory=list, max_length=100)
    result_contract: str = "EVOLVE"
    privacy_filtering: Literal["REMOVE_ROWS", "REMOVE_VALUES"] = "REMOVE_ROWS"
    counts_hidden_rows: bool = False
    disable_aggregation_controls: bool = False

    def with_placeholders(self) -> WorkflowForm:
        """Return the form with a field for each parameter that the query uses.

        :raises InvalidDefinition: when the query cannot be read.
        """
        used = [name for slot in read_template(self.sql_query).slots for name in slot.names]
        known = WINDOW_NAMES | {field.name for field in self.parameters}
        added = [ParameterField(name=name) for name in dict.fromkeys(used) if name not in known]
        return self.model_copy(update={"parameters": [*self.parameters, *added]})

    def stored_parameters(self) -> dict[str, Any]:
        """Return ``workflows.parameters``."""
        return {field.name: field.as_json() for field in self.parameters}

    def columns(self, _workflow: Row) -> dict[str, Any]:
        """Return the parameters of insert_workflow.sql and update_workflow.sql."""
        return {**self.model_dump(), "parameters": Json(self.stored_parameters())}


class DefinitionForm(BaseModel):
    """What a schedule and a collection have in common.

    :param values: own values of parameters; None sends NULL, an absent name the workflow's value.
    :param window: options of the window, numbers as text.
    """

    version: str | None = None
    workflow_id: UUID
    name: str = ""
    description: str | None = None
    values: dict[str, Text] = Field(default_factory=dict, max_length=200)
    window: dict[str, str | bool] = Field(default_factory=dict, max_length=20)

    def stored_parameters(self, workflow: Row) -> dict[str, Any]:
        """Return the column ``parameters`` of the row."""
        declared = _declared(workflow["parameters"])
        stored = {name: _json_of(declared.get(name), text) for name, text in self.values.items()}
        if window := window_of(self.window):
            stored["window"] = window
        return stored

    def columns(self, workflow: Row) -> dict[str, Any]:
        """Return the parameters of the statements that write the row."""
        return {**self.model_dump(), "parameters": Json(self.stored_parameters(workflow))}


class ScheduleForm(DefinitionForm):
    """A row of ``workflow_schedules``."""

    kind: Literal["schedule"]
    cron_expression: str
    timezone: str = "UTC"
    is_active: bool = True
    late_after: str | None = None
    result_contract: str | None = None
    notify_on_success: bool = False
    attach_results: bool = False


class CollectionForm(DefinitionForm):
    """A row of ``report_data_collections``."""

    kind: Literal["collection"]
    instance_id: UUID
    start_date: date
    end_date: date
    timezone: str = "UTC"
    late_after: str | None = None

    def stored_parameters(self, workflow: Row) -> dict[str, Any]:
        """Return the column ``parameters`` of the row; UTC is not written."""
        stored = super().stored_parameters(workflow)
        return stored if self.timezone == "UTC" else stored | {"timezone": self.timezone}


Form = Annotated[WorkflowForm | ScheduleForm | CollectionForm, Field(discriminator="kind")]


def definition_row(
    form: ScheduleForm | CollectionForm, workflow: Row, row_id: UUID | None
) -> dict[str, Any]:
    """Return the row that the form would make, as ``read_schedule`` and its like take it."""
    return {
        **form.model_dump(exclude={"values", "window", "version", "kind"}),
        "id": row_id or _NEW,
        "parameters": form.stored_parameters(workflow),
        "created_at": datetime.now(UTC),
        "status": "ACTIVE",
        "workflow_name": workflow["name"],
        "workflow_description": workflow["description"],
        "workflow_parameters": workflow["parameters"],
        "instance_key": workflow["instance_id"],
        "instance_id": workflow["amc_instance_id"],
        **{name: workflow[name] for name in _OF_WORKFLOW},
    }


def shown_definition(row: Row, workflow: Row) -> dict[str, Any]:
    """Return a stored schedule or collection as its form shows it."""
    stored = row["parameters"] if isinstance(row["parameters"], dict) else {}
    declared = _declared(workflow["parameters"])
    return {
        **{name: value for name, value in row.items() if name != "parameters"},
        "timezone": str(row.get("timezone") or stored.get("timezone") or "UTC"),
        "values": {
            name: _text_of(declared.get(name), raw)
            for name, raw in stored.items()
            if name not in RESERVED_PARAMETERS
        },
        "window": window_texts(stored.get("window")),
    }


def shown_workflow(row: Row) -> dict[str, Any]:
    """Return a stored workflow as its form shows it."""
    return {**row, "parameters": parameter_fields(row["parameters"])}


def parameter_fields(parameters: Any) -> list[ParameterField]:
    """Return the declared parameters of a workflow as fields."""
    named = parameters.items() if isinstance(parameters, dict) else ()
    return [ParameterField.of(name, raw) for name, raw in named]


def window_of(options: Mapping[str, str | bool]) -> dict[str, Any]:
    """Return ``parameters.window`` of what was typed; what is no number stays text."""
    found: dict[str, Any] = {}
    for name, typed in options.items():
        if isinstance(typed, bool):
            found |= {name: True} if typed else {}
        elif name == "restate_days" and typed.strip():
            found[name] = [_number(part) for part in re.split(r"[,\s]+", typed.strip(", "))]
        elif typed.strip():
            found[name] = _number(typed.strip())
    return found


def window_texts(window: Any) -> dict[str, str | bool]:
    """Return the options of a stored window as the form shows them."""
    named = window.items() if isinstance(window, dict) else ()
    return {
        name: raw
        if isinstance(raw, bool)
        else ", ".join(map(str, raw))
        if isinstance(raw, list)
        else _plain(raw)
        for name, raw in named
        if raw is not None
    }


_OF_WORKFLOW = (
    "sql_query", "user_id", "instance_name", "instance_type", "owner", "privacy_filtering",
    "counts_hidden_rows", "disable_aggregation_controls",
)  # fmt: skip


def _number(text: str) -> int | float | str:
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _FRACTION.fullmatch(text) else text


def _plain(raw: object) -> str:
    """Return a stored option as text, a small number without an exponent."""
    return f"{Decimal(str(raw)):f}" if isinstance(raw, float) else str(raw)


def _declared(parameters: Any) -> dict[str, Parameter]:
    """Return the parameters whose declarations can be read."""
    found: dict[str, Parameter] = {}
    for name, raw in parameters.items() if isinstance(parameters, dict) else ():
        try:
            found |= declare({name: raw})
        except InvalidDefinition:
            continue
    return found


def _text(value: Value) -> Text:
    if isinstance(value, tuple):
        return [write_scalar(one) for one in value]
    return None if value is None else write_scalar(value)


def _text_of(declared: Parameter | None, raw: Any) -> Text:
    """Return a stored value of a parameter as text; what does not fit its type as JSON."""
    if declared is not None and raw is not None:
        try:
            return _text(_with_value(declared, raw).value)
        except InvalidDefinition:
            pass
    return raw if raw is None or isinstance(raw, str) else json.dumps(raw)


def _json_of(declared: Parameter | None, text: Text) -> Any:
    """Return a typed value as it is stored; what does not fit its type as it was typed."""
    if declared is None or text is None:
        return text
    try:
        return json_value(_with_value(declared, text))
    except InvalidDefinition:
        return text


def _with_value(declared: Parameter, raw: Any) -> Parameter:
    return overlay({declared.name: declared}, {declared.name: raw})[declared.name]
