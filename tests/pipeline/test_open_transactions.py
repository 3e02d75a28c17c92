"""A user's open transaction holds up work for all users for a moment only."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from fixtures.postgres import Database, Row, Rows
from fixtures.tenants import europe_instance
from recomamp.errors import PartialFailure
from recomamp.pipeline.instances.operators import CheckInstances, SyncSchema
from recomamp.pipeline.reconciliation.operator import ReconcileExecutions

WRITTEN = {
    CheckInstances: "last_health_check",
    SyncSchema: "schema_last_sync",
    ReconcileExecutions: "external_counted_at",
}


@pytest.mark.own_sessions
@pytest.mark.parametrize("operator", WRITTEN)
def test_a_locked_instance_is_left_after_a_moment_and_others_are_done(
    database: Database, rows: Rows, instance: Row, fernet_key: str, operator: type[BaseOperator]
) -> None:
    other = europe_instance(rows, fernet_key)
    for one in (instance, other):
        rows.schedule(workflow=rows.workflow(instance=one))
    context: Any = {"dag_run": SimpleNamespace(start_date=datetime.now(UTC)), "ti": None}
    session = database.connect("recomamp_analyst", str(instance["user_id"]))
    session.cursor().execute("UPDATE amc_instances SET name = name WHERE id = %s", [instance["id"]])

    # What the server says after the time of a statement is another error
    with pytest.raises(PartialFailure, match="LockNotAvailable"):
        operator(task_id="for_all").execute(context)
    session.rollback()
    done = [rows.get("amc_instances", one)[WRITTEN[operator]] for one in (instance, other)]
    assert [one is not None for one in done] == [False, True]
