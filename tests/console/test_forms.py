"""What the console's forms make of what people type, and what they show of stored rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from recomamp.console.forms import (
    CollectionForm,
    ParameterField,
    ScheduleForm,
    WorkflowForm,
    parameter_fields,
    shown_definition,
    window_of,
    window_texts,
)

ID = UUID(int=1)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ({"type": "LONG", "default": 9007199254740993}, ("LONG", "9007199254740993")),
        ({"type": "BOOLEAN", "default": True}, ("BOOLEAN", "true")),
        ({"type": "ARRAY<DOUBLE>", "default": [1.5]}, ("ARRAY<DOUBLE>", ["1.5"])),
        ("2026-01-05", ("DATE", "2026-01-05")),
        (["a", "b"], ("ARRAY<STRING>", ["a", "b"])),
        (None, ("STRING", None)),
        ({"type": "TEXT"}, ("STRING", '{"type": "TEXT"}')),
    ],
)  # fmt: skip
def test_it_shows_a_declaration_as_text(stored: Any, shown: tuple[str, Any]) -> None:
    field = ParameterField.of("one", stored)
    assert (field.type, field.value) == shown


def test_what_is_shown_is_stored_without_loss() -> None:
    parameters = {
        "ids": {"type": "ARRAY<LONG>", "default": ["9007199254740993"], "description": "Products"},
        "share": {"type": "DOUBLE", "default": 0.25, "required": False},
        "is_new": {"type": "BOOLEAN", "default": False},
        "unread": {"type": "TEXT", "default": 1},
    }
    form = WorkflowForm(kind="workflow", instance_id=ID, parameters=parameter_fields(parameters))
    assert form.stored_parameters() == parameters


def test_a_declaration_that_cannot_be_read_changes_once_it_is_edited() -> None:
    shown = ParameterField.of("one", {"type": "TEXT"})
    assert shown.model_copy(update={"value": "Ann"}).as_json() == {
        "type": "STRING",
        "default": "Ann",
    }
    assert shown.model_copy(update={"type": "LONG"}).as_json() == {
        "type": "LONG",
        "default": '{"type": "TEXT"}',
    }


def test_nothing_but_what_cannot_be_read_is_stored_as_it_came() -> None:
    forged = ParameterField(name="one", value="5", unread='{"type": "LONG", "default": "5"}')
    broken = ParameterField(name="one", value="5", unread="{")
    assert forged.as_json() == broken.as_json() == {"type": "STRING", "default": "5"}


def test_a_query_brings_the_fields_of_its_parameters() -> None:
    sql = "SELECT {{least}} FROM t WHERE a = '{{who}}' AND b > {{least}} AND c >= {{start_date}}"
    known = [ParameterField(name="who", type="LONG"), ParameterField(name="unused")]
    form = WorkflowForm(kind="workflow", instance_id=ID, sql_query=sql, parameters=known)
    found = form.with_placeholders().parameters
    assert [(one.name, one.type) for one in found] == [
        ("who", "LONG"), ("unused", "STRING"), ("least", "STRING"),
    ]  # fmt: skip


def test_options_of_the_window_are_numbers_where_they_are_typed_as_numbers() -> None:
    typed = {
        "lag_days": " 2 ",
        "lookback_days": "a week",
        "type": "",
        "restate_days": "7, 14",
        "restate_threshold": "0.01",
        "catchup": True,
    }
    stored = {
        "lag_days": 2,
        "lookback_days": "a week",
        "restate_days": [7, 14],
        "restate_threshold": 0.01,
        "catchup": True,
    }
    assert window_of(typed) == stored
    assert window_of(window_texts(stored)) == stored
    assert window_texts("no object") == {}


def test_an_option_of_the_window_that_is_null_is_not_typed() -> None:
    assert window_texts({"lookback_days": None, "lag_days": 2}) == {"lag_days": "2"}


@pytest.mark.parametrize("typed", ["0.00001", "1e-05", "1E-5"])
def test_a_small_number_is_one_when_it_comes_back(typed: str) -> None:
    stored = window_of({"restate_threshold": typed})
    assert stored == {"restate_threshold": 0.00001}
    assert window_texts(stored) == {"restate_threshold": "0.00001"}
    assert window_of(window_texts(stored)) == stored


def test_own_values_keep_their_types_and_their_null() -> None:
    workflow = {
        "parameters": {
            "least": {"type": "LONG", "default": 1},
            "who": {"type": "STRING", "required": False},
            "broken": {"type": "TEXT"},
        }
    }
    stored = {"least": "9007199254740993", "who": None, "broken": "x", "window": {"lag_days": 3}}
    row = {"parameters": stored, "name": "Daily", "timezone": None}
    shown = shown_definition(row, workflow)
    assert shown["values"] == {"least": "9007199254740993", "who": None, "broken": "x"}
    assert shown["timezone"] == "UTC"
    form = ScheduleForm(
        kind="schedule",
        workflow_id=ID,
        cron_expression="0 6 * * *",
        values=shown["values"],
        window=shown["window"],
    )
    assert form.stored_parameters(workflow) == stored


def test_a_collection_keeps_its_zone_in_its_parameters() -> None:
    form = CollectionForm.model_validate(
        {
            "kind": "collection",
            "workflow_id": ID,
            "instance_id": ID,
            "start_date": "2026-01-05",
            "end_date": "2026-02-01",
            "timezone": "Europe/Madrid",
        }
    )
    assert form.stored_parameters({"parameters": {}}) == {"timezone": "Europe/Madrid"}
