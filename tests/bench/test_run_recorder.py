"""The benchmark's run of a definition goes through the steps as they are today."""

from __future__ import annotations

from uuid import UUID

import pytest

from bench.run_recorder import RunRecorder
from fixtures.postgres import Database, Rows
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef


@pytest.mark.parametrize("kind", DefinitionKind)
def test_a_run_of_the_benchmark_is_recorded(
    database: Database, rows: Rows, kind: DefinitionKind
) -> None:
    if kind is DefinitionKind.SCHEDULE:
        row = rows.schedule()
    else:
        row = rows.collection(start_date="2020-01-01", end_date="2020-12-29")
    seconds = RunRecorder(database.uri).run(DefinitionRef(kind, UUID(str(row["id"]))))
    (execution,) = database.query("SELECT status FROM workflow_executions")
    assert (execution["status"], seconds > 0) == ("SUCCESS", True)
