"""A DAG's id names the row that the DAG is made of."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef

KEY = UUID("11111111-1111-4111-8111-111111111111")


@given(kind=st.sampled_from(DefinitionKind), key=st.uuids())
def test_the_row_of_a_dag_is_the_one_whose_id_the_dag_has(kind: DefinitionKind, key: UUID) -> None:
    ref = DefinitionRef(kind, key)
    assert DefinitionRef.of_dag(ref.dag_id) == ref


@pytest.mark.parametrize(
    ("kind", "dag_id", "table"),
    [
        (DefinitionKind.SCHEDULE, f"amc_schedule_{KEY}", "workflow_schedules"),
        (DefinitionKind.COLLECTION, f"amc_collection_{KEY}", "report_data_collections"),
    ],
)
def test_a_row_has_one_dag_and_one_table(kind: DefinitionKind, dag_id: str, table: str) -> None:
    ref = DefinitionRef(kind, KEY)
    assert (ref.dag_id, ref.kind.table, str(ref)) == (dag_id, table, f"{kind} {KEY}")
    assert {ref.schedule_id, ref.collection_id} == {KEY, None}
    assert (ref.schedule_id is None) == (kind is DefinitionKind.COLLECTION)


@pytest.mark.parametrize(
    "dag_id",
    [
        "", "recomamp_reconcile", "amc_schedule_", "amc_schedule_7", f"amc_{KEY}", str(KEY),
        f"my_amc_schedule_{KEY}", f"amc_schedule_{KEY}_copy",
    ],
)  # fmt: skip
def test_a_dag_of_other_origin_is_made_of_no_row(dag_id: str) -> None:
    assert DefinitionRef.of_dag(dag_id) is None
