"""What rows become, and what is said of a row that cannot become a DAG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.definition_rows import COLLECTION, SCHEDULE, WORKFLOW
from recomamp.domain.amc_options import AmcOptions, PrivacyFiltering
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.definitions import (
    Collection,
    Schedule,
    Workflow,
    read_collection,
    read_options,
    read_schedule,
)
from recomamp.domain.sql.lint import CheckedQuery
from recomamp.domain.sql.parameters import Parameter
from recomamp.errors import InvalidDefinition

Row = dict[str, Any]
Read = Callable[..., Schedule | Collection]

SCHEDULES, COLLECTIONS = "workflow_schedules", "report_data_collections"
WORKFLOW_KEY = WORKFLOW["workflow_id"]
KINDS = pytest.mark.parametrize(
    ("read", "row", "table"),
    [(read_schedule, SCHEDULE, SCHEDULES), (read_collection, COLLECTION, COLLECTIONS)],
    ids=["schedule", "collection"],
)


def refusal(read: Callable[[Row], object], row: Row) -> tuple[str, str, str]:
    """Return the place and the row that a refusal names, and what is wrong."""
    with pytest.raises(InvalidDefinition) as refused:
        read(row)
    error = refused.value
    return f"{error.table}.{error.column}", error.key, error.problem


@KINDS
def test_a_definition_has_the_id_and_the_texts_of_its_row(read: Read, row: Row, table: str) -> None:
    definition = read(row | {"description": "For the north"})
    (kind,) = [one for one in DefinitionKind if one.table == table]
    assert definition.ref == DefinitionRef(kind, UUID(row["id"]))
    assert (definition.name, definition.description) == (row["name"], "For the north")
    assert read(row | {"description": None}).description is None


@KINDS
def test_the_workflow_is_what_the_joined_columns_say(read: Read, row: Row, table: str) -> None:
    definition = read(row)
    assert definition.workflow == Workflow(
        id=UUID(WORKFLOW_KEY),
        name="Campaign performance",
        description="Impressions and clicks by campaign",
        sql_query=WORKFLOW["sql_query"],
        user_id=UUID(WORKFLOW["user_id"]),
        instance_key=UUID(WORKFLOW["instance_key"]),
        instance_id="amcibersblt",
        instance_name="Iberia",
        owner="Ann Analyst",
    )
    assert definition.workflow_id == UUID(WORKFLOW_KEY)
    assert definition.workflow_name == "Campaign performance"
    assert (definition.owner, definition.instance_id) == ("Ann Analyst", "amcibersblt")


@pytest.mark.parametrize("is_active", [True, False])
def test_a_schedule_starts_runs_while_it_is_active(is_active: bool) -> None:
    schedule = read_schedule(SCHEDULE | {"is_active": is_active})
    assert schedule.is_active is is_active
    assert schedule.created_at == SCHEDULE["created_at"]


@pytest.mark.parametrize(
    ("status", "starts_weeks"),
    [("ACTIVE", True), ("FAILED", True), ("PAUSED", False), ("COMPLETED", False)],
)
def test_a_failed_collection_starts_weeks_and_a_paused_or_complete_one_does_not(
    status: str, starts_weeks: bool
) -> None:
    assert read_collection(COLLECTION | {"status": status}).is_active is starts_weeks


# Parameters


@KINDS
def test_a_rows_own_values_replace_those_of_its_workflow(read: Read, row: Row, table: str) -> None:
    found = read(row | {"parameters": {"minimum": 25, "window": {}, "timezone": "UTC"}})
    values = {name: one.value for name, one in found.parameters.items()}
    assert values == {"minimum": 25, "products": ("sponsored_products", "sponsored_brands")}


@KINDS
def test_a_row_without_parameters_has_those_of_its_workflow(
    read: Read, row: Row, table: str
) -> None:
    without = row | {"parameters": None}
    assert read(without).parameters["minimum"].value == 10
    assert read(without | {"workflow_parameters": None, "sql_query": "SELECT 1"}).parameters == {}


@KINDS
@pytest.mark.parametrize(
    ("columns", "place", "words"),
    [
        ({"parameters": [1]}, "own.parameters", "not a JSON object"),
        ({"parameters": {"most": 1}}, "own.parameters", "'most' is not declared"),
        ({"parameters": {"minimum": "x"}}, "own.parameters", "a string, expected LONG"),
        ({"workflow_parameters": "x"}, "workflows.parameters", "not a JSON object"),
        ({"workflow_parameters": {"1st": 1}}, "workflows.parameters", "'1st' has no valid name"),
        ({"sql_query": "SELECT {{most}}"}, "workflows.sql_query", "most"),
        *(
            (
                {"workflow_parameters": {name: "2026-01-01"}},
                "workflows.parameters",
                f"the name {name!r} is the pipeline's own; give the parameter another one",
            )
            for name in ("window", "timezone", "window_start", "window_end")
        ),
        (
            {"workflow_parameters": {"window_start": 1, "window_end": 1}},
            "workflows.parameters",
            "'window_end' is the pipeline's own",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_refused_where_they_stand(
    read: Read, row: Row, table: str, columns: Row, place: str, words: str
) -> None:
    found_place, key, problem = refusal(read, row | columns)
    assert found_place == place.replace("own", table)
    assert key == (row["id"] if place.startswith("own") else WORKFLOW_KEY)
    assert words in problem


@KINDS
def test_the_check_of_the_query_gets_its_text_and_the_values_of_the_row(
    read: Read, row: Row, table: str
) -> None:
    asked: list[tuple[str, object]] = []

    def check(sql: str, parameters: Mapping[str, Parameter]) -> CheckedQuery:
        asked.append((sql, parameters["minimum"].value))
        return CheckedQuery(findings=("of the query",))

    found = read(row | {"parameters": {"minimum": 25}}, check)
    assert asked == [(WORKFLOW["sql_query"], 25)]
    assert found.workflow.findings == ("of the query",)


# Options and findings


OPTIONS = ("privacy_filtering", "counts_hidden_rows", "disable_aggregation_controls")


@pytest.mark.parametrize("row", [WORKFLOW, WORKFLOW | dict.fromkeys(OPTIONS)])
def test_a_row_older_than_the_options_has_amcs_defaults(row: Row) -> None:
    assert read_options(row) == AmcOptions()


@KINDS
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("privacy_filtering", PrivacyFiltering.REMOVE_VALUES),
        ("counts_hidden_rows", True),
        ("disable_aggregation_controls", True),
    ],
)
def test_the_options_of_a_workflow_are_those_of_its_columns(
    read: Read, row: Row, table: str, column: str, value: Any
) -> None:
    assert read(row | {column: value}).workflow.options == AmcOptions(**{column: value})


def test_a_query_cannot_use_the_name_of_a_column_that_counts_hidden_rows() -> None:
    row = WORKFLOW | {"sql_query": "SELECT a AS recomamp_filtered FROM t"}
    assert read_options(row) == AmcOptions()
    place, key, problem = refusal(read_options, row | {"counts_hidden_rows": True})
    assert (place, key) == ("workflows.sql_query", WORKFLOW_KEY)
    assert "the name recomamp_filtered" in problem
    assert "give it another one, or set counts_hidden_rows to false" in problem


@KINDS
def test_an_instance_in_error_says_so_on_its_definitions(read: Read, row: Row, table: str) -> None:
    assert read(row | {"instance_error": "no access"}).workflow.instance_error == "no access"


@KINDS
def test_findings_are_of_the_tables_the_options_and_the_query_in_the_rows_zone(
    read: Read, row: Row, table: str
) -> None:
    in_berlin = row | {
        "timezone": "Europe/Berlin",
        "parameters": {"timezone": "Europe/Berlin"},
        "sql_query": "SELECT a FROM t WHERE click_dt_utc >= {{start_date}}",
        "findings": ["table t has no column a"],
        "instance_type": "STANDARD",
        "disable_aggregation_controls": True,
    }
    of_tables, of_options, of_query = read(in_berlin).workflow.findings
    assert of_tables == "table t has no column a"
    assert of_options.startswith("disable_aggregation_controls has no effect")
    assert of_query.startswith("click_dt_utc is in UTC")
    in_utc = in_berlin | {"timezone": "UTC", "parameters": None, "instance_type": "SANDBOX"}
    assert read(in_utc | {"findings": None}).workflow.findings == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    max_leaves=8,
)
WINDOW_OPTIONS = st.sampled_from(
    ["lag_days", "lookback_days", "type", "catchup", "restate_days", "restate_threshold", "lag"]
)
WINDOWS = st.dictionaries(WINDOW_OPTIONS, JSON | st.integers(-1, 400), max_size=3)
DOCUMENTS = JSON | st.dictionaries(
    st.sampled_from(["window", "timezone", "minimum", "products"]), JSON | WINDOWS, max_size=3
)


@KINDS
@given(own=DOCUMENTS, declared=DOCUMENTS | st.just(WORKFLOW["workflow_parameters"]))
def test_a_row_with_any_json_is_read_or_refused_with_its_place(
    read: Read, row: Row, table: str, own: Any, declared: Any
) -> None:
    refused = None
    try:
        read(row | {"parameters": own, "workflow_parameters": declared})
    except InvalidDefinition as err:
        refused = err
    if refused is not None:
        assert refused.key == {table: row["id"], "workflows": WORKFLOW_KEY}[refused.table]
        assert refused.column.split(".")[0] in ("parameters", "sql_query")
