"""Build the DAG of a schedule or a collection. Equal rows give equal DAGs, byte for byte."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Asset

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.domain.definitions import Collection, Definition, InvalidDefinitionRow, Schedule
from recomamp.domain.text import one_line
from recomamp.errors import InvalidDefinition
from recomamp.pipeline import settings
from recomamp.pipeline.assets import workflow_assets
from recomamp.pipeline.executions.base import LOAD_TASK_ID, SUBMIT_TASK_ID
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import FailInvalidRun, SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.generator.dag_docs import (
    MAX_NAME_CHARS,
    definition_doc,
    description_of,
    display_name,
    invalid_doc,
    owner_of,
    shortened,
    tags_of,
)
from recomamp.pipeline.generator.definitions import load_definitions
from recomamp.pipeline.generator.shards import shard_of_file
from recomamp.pipeline.generator.trigger_params import add_params
from recomamp.pipeline.logs import frames
from recomamp.pipeline.retry_policy import TaskRetryPolicy
from recomamp.pipeline.timetables.collection import CollectionTimetable
from recomamp.pipeline.timetables.schedule import ScheduleTimetable

log = logging.getLogger(__name__)

# A retry reattaches to the execution, so many retries do no harm. They last three quarters of an
# hour, which outlasts a restart of the database. AMC's failures count apart (FAILED_ATTEMPTS in
# executions/wait.py). The time-out ends a try that hangs; a deferred task does not use it up
TASK_DEFAULTS: dict[str, Any] = {
    "execution_timeout": timedelta(minutes=30),
    "retries": 8,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": TaskRetryPolicy(),
    # Where slots are short, a run that has begun ends first: `record` has the highest priority. By
    # Airflow's default it has the lowest, and waits until no other run has a task left
    "weight_rule": "upstream",
}
SCHEDULE_ACTIVE_RUNS = 16
COLLECTION_ACTIVE_RUNS = 6  # of AMC's ten slots per instance; the others are left to schedules


def build_dags(kind: DefinitionKind, dag_id: str | None = None, *, file: str = "") -> list[DAG]:
    """Return the DAGs of a file, or the one DAG of a task that runs.

    :param dag_id: DAG of the task that runs, whichever file builds it; None when Airflow parses.
    :param file: path of the DAG file, which says which shard it builds; shard 0 if left out.
    """
    with _without_garbage_collection():
        definitions = load_definitions(kind, dag_id, shard_of_file(file))
        return [_build_or_explain(definition) for definition in definitions]


def build_dag(definition: Definition) -> DAG:
    """Build the DAG of a definition and let Airflow check it.

    The DAG of an invalid row has the same tasks, so that a run in progress continues.
    """
    row: dict[str, Any] = {
        "definition_kind": definition.ref.kind.value,
        "definition_id": str(definition.ref.id),
    }
    submit: SubmitExecution
    if isinstance(definition, InvalidDefinitionRow):
        row["dag"] = _invalid_dag(definition)
        submit = FailInvalidRun(task_id=SUBMIT_TASK_ID, problem=str(definition.error), **row)
    else:
        row["dag"] = _definition_dag(definition)
        submit = SubmitExecution(task_id=SUBMIT_TASK_ID, **row)
    wait = WaitForExecution(task_id="wait", **row)
    load = LoadResults(
        task_id=LOAD_TASK_ID,
        outlets=_assets(definition),
        execution_timeout=settings.load_timeout(),
        **row,
    )
    record = RecordRun(task_id="record", **row)

    # A teardown runs after a failure too, and its state does not decide the state of the run
    submit >> wait >> load >> record.as_teardown()

    dag: DAG = row["dag"]
    dag.add_result(record.output)
    if not isinstance(definition, InvalidDefinitionRow):
        # After the tasks, each of which would store a copy
        add_params(dag, definition.windows.typed_times, definition.parameters)
    dag.validate()  # type: ignore[no-untyped-call]
    return dag


def _definition_dag(definition: Schedule | Collection) -> DAG:
    timetable: ScheduleTimetable | CollectionTimetable
    if isinstance(definition, Schedule):
        timetable, max_active_runs = _schedule_timetable(definition), SCHEDULE_ACTIVE_RUNS
    else:
        timetable, max_active_runs = _collection_timetable(definition), COLLECTION_ACTIVE_RUNS
    return DAG(
        dag_id=definition.ref.dag_id,
        dag_display_name=display_name(definition),
        description=description_of(definition),
        doc_md=definition_doc(definition, timetable.description),
        schedule=timetable,
        catchup=False,  # the timetable decides which missed ticks run
        default_args={**TASK_DEFAULTS, "owner": owner_of(definition)},
        max_active_runs=max_active_runs,
        tags=tags_of(definition),
        is_paused_upon_creation=False,
        render_template_as_native_obj=False,
    )


def _schedule_timetable(schedule: Schedule) -> ScheduleTimetable:
    windows = schedule.windows
    return ScheduleTimetable(
        expression=windows.cron.expression,
        time_zone=windows.cron.time_zone,
        created_at=schedule.created_at.isoformat(),
        lag_days=windows.lag_days,
        lookback_days=windows.lookback_days,
        window_type=windows.type.value,
        catchup=schedule.catchup,
        is_active=schedule.is_active,
    )


def _collection_timetable(collection: Collection) -> CollectionTimetable:
    windows = collection.windows
    return CollectionTimetable(
        start_date=windows.start_date.isoformat(),
        end_date=windows.end_date.isoformat(),
        time_zone=windows.time_zone,
        lag_days=windows.lag_days,
        is_active=collection.is_active,
    )


def _invalid_dag(invalid: InvalidDefinitionRow) -> DAG:
    """Build a DAG that starts nothing and says which column to correct."""
    return DAG(
        dag_id=invalid.ref.dag_id,
        dag_display_name=display_name(invalid),
        description=description_of(invalid),
        doc_md=invalid_doc(invalid),
        schedule=None,
        default_args={**TASK_DEFAULTS, "owner": owner_of(invalid)},
        tags=tags_of(invalid),
        is_paused_upon_creation=False,
    )


def _assets(definition: Definition) -> list[Asset]:
    """Return the Assets of the workflow, in the group that is called like the workflow."""
    if definition.workflow_id is None:
        return []
    group = shortened(definition.workflow_name, MAX_NAME_CHARS)
    return workflow_assets(definition.workflow_id, group)


def _build_or_explain(definition: Definition) -> DAG:
    """Build a DAG; a row that Airflow itself refuses gets a DAG that says so."""
    try:
        return build_dag(definition)
    except Exception as err:  # noqa: BLE001  an error here would remove all DAGs
        log.error(
            "%s makes no DAG that runs: %s\n%s",
            definition.ref.dag_id,
            one_line(repr(err)),
            frames(err),
        )
        return build_dag(_refused_by_airflow(definition, err))


def _refused_by_airflow(definition: Definition, error: Exception) -> InvalidDefinitionRow:
    """Describe a row whose DAG Airflow refuses, without text of the row."""
    return InvalidDefinitionRow(
        ref=definition.ref,
        name=definition.ref.dag_id,
        owner=definition.owner,
        instance_id=definition.instance_id,
        workflow_id=definition.workflow_id,
        error=InvalidDefinition(f"Airflow refuses it: {error}"),
    )


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Keep the garbage collector from thousands of new objects, none of which is garbage.

    With the collector a parse of 1,200 rows takes a third more CPU (1.34, median of seven pairs).
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
