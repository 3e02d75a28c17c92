"""The Assets of a workflow: found by its id, shown with its name."""

from __future__ import annotations

from uuid import uuid4

import pytest
from airflow.sdk import Asset

from fixtures.definition_rows import SCHEDULE
from recomamp.domain.definitions import InvalidDefinitionRow, read_schedule
from recomamp.errors import InvalidDefinition
from recomamp.pipeline.assets import has_keys
from recomamp.pipeline.executions.base import LOAD_TASK_ID
from recomamp.pipeline.generator.factory import build_dag


def assets_of(**changes: object) -> list[Asset]:
    dag = build_dag(read_schedule(SCHEDULE | changes))
    found = dag.get_task(LOAD_TASK_ID).outlets
    return [one for one in found if isinstance(one, Asset)]


def asset_of(**changes: object) -> Asset:
    return assets_of(**changes)[0]


def test_a_workflow_has_an_asset_and_one_for_each_window() -> None:
    plain, keyed = assets_of()
    assert (keyed.name, keyed.uri) == (f"{plain.name}_windows", f"{plain.uri}/windows")
    assert (has_keys(plain), has_keys(keyed)) == (False, True)
    assert plain.group == keyed.group


def test_the_result_of_a_run_is_that_of_its_last_task() -> None:
    dag = build_dag(read_schedule(SCHEDULE))
    assert [task.task_id for task in dag.tasks if task.returns_dag_result] == ["record"]


def test_the_asset_shows_the_name_of_its_workflow() -> None:
    assert asset_of().group == "Campaign performance"


def test_a_rename_changes_nothing_that_airflow_finds_the_asset_by() -> None:
    before, after = asset_of(), asset_of(workflow_name="Reach")
    assert (before.name, before.uri) == (after.name, after.uri)
    assert after.group == "Reach"


def test_two_workflows_of_one_name_have_different_assets() -> None:
    one, other = asset_of(), asset_of(workflow_id=str(uuid4()))
    assert one.group == other.group
    assert one.name != other.name
    assert one.uri != other.uri


@pytest.mark.parametrize("name", ["x" * 200, "self", "a\nb", "Größe 🚀"])
def test_airflow_takes_any_name_of_a_workflow(name: str) -> None:
    assert 0 < len(asset_of(workflow_name=name).group) <= 250


def test_a_row_that_is_invalid_now_keeps_its_asset() -> None:
    valid = read_schedule(SCHEDULE)
    invalid = InvalidDefinitionRow(
        ref=valid.ref,
        name=valid.name,
        owner=valid.owner,
        instance_id=valid.instance_id,
        error=InvalidDefinition("parameter 'x' is not declared"),
        workflow_id=valid.workflow_id,
        workflow_name=valid.workflow_name,
    )
    assert build_dag(invalid).get_task(LOAD_TASK_ID).outlets == assets_of()
