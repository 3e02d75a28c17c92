"""Build a DAG of a definition. Equal definitions give equal DAGs, byte for byte."""

from __future__ import annotations

import gc
import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from recomamp.domain.models import Collection, Definition, InvalidDefinitionRow, Schedule, Workflow
from recomamp.domain.sql.parameters import Parameter
from recomamp.domain.text import one_line
from recomamp.errors import InvalidDefinition
from recomamp.pipeline.executions.steps import add_steps
from recomamp.pipeline.generator.definitions import DefinitionKind, load_definitions
from recomamp.pipeline.generator.shards import shard_of_file
from recomamp.pipeline.generator.trigger_params import add_params
from recomamp.pipeline.logs import frames
from recomamp.pipeline.timetables.timetables import CollectionTimetable, ScheduleTimetable

log = logging.getLogger(__name__)

# Airflow may fail or restart a deferred task, and a database may be away for a while. Every retry
# reattaches, so many retries (three quarters of an hour) do no harm.
# The time-out ends a try that hangs: five tries of a call take a quarter of an hour at most. The
# time of a deferral does not count
TASK_DEFAULTS: dict[str, Any] = {
    "execution_timeout": timedelta(minutes=30),
    "retries": 8,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}
SCHEDULE_ACTIVE_RUNS = 16
COLLECTION_ACTIVE_RUNS = 6  # of AMC's ten per instance; the others are left to schedules
INSTANCE_ERROR_TAG = "instance error"
FINDING_TAG = "finding"
INVALID_TAG = "invalid"
WAITING_TAG = "waiting"
_LONGEST_TAG = 100
_LONGEST_NAME = 250
_SHOWN_QUERY_CHARS = 20_000
_SHOWN_VALUE_CHARS = 500


def build_dags(kind: DefinitionKind, dag_id: str | None = None, *, file: str = "") -> list[DAG]:
    """Return the DAGs that a file is to build, or the one that is being run, from any file.

    :param file: path of the DAG file, whose name says which shard it builds; shard 0 if left out.
    """
    with _without_collecting():
        definitions = load_definitions(kind, dag_id, shard_of_file(file))
        return [_build_or_explain(definition) for definition in definitions]


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep the garbage collector from thousands of new objects, none of which is garbage.

    It leaves them out afterwards too: a parse ends with its process, and a task builds one DAG.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


def _build_or_explain(definition: Definition) -> DAG:
    """Build a DAG; a row that Airflow itself refuses gets a DAG that says so."""
    try:
        return build_dag(definition)
    except Exception as err:  # noqa: BLE001  an error here would remove all DAGs
        log.error(
            "%s makes no DAG that runs: %s\n%s",
            definition.dag_id,
            one_line(repr(err)),
            frames(err),
        )
        return _invalid_dag(_refused_by_airflow(definition, err))


def build_dag(definition: Definition) -> DAG:
    """Build the DAG of a definition and let Airflow check it."""
    match definition:
        case Schedule():
            dag = _schedule_dag(definition)
        case Collection():
            dag = _collection_dag(definition)
        case InvalidDefinitionRow():
            dag = _invalid_dag(definition)
    dag.validate()  # type: ignore[no-untyped-call]
    return dag


def _schedule_dag(schedule: Schedule) -> DAG:
    windows = schedule.windows
    timetable = ScheduleTimetable(
        expression=windows.cron.expression,
        time_zone=windows.cron.time_zone,
        created_at=schedule.created_at.isoformat(),
        lag_days=windows.lag_days,
        lookback_days=windows.lookback_days,
        window_type=windows.type.value,
        catchup=schedule.catchup,
        is_active=schedule.is_active,
    )
    dag = _dag(schedule, "schedule", timetable, max_active_runs=SCHEDULE_ACTIVE_RUNS)
    add_steps(dag, schedule.workflow.id, {"schedule_id": str(schedule.id)})
    add_params(dag, windows.typed_times, schedule.parameters)
    return dag


def _collection_dag(collection: Collection) -> DAG:
    windows = collection.windows
    timetable = CollectionTimetable(
        start_date=windows.start_date.isoformat(),
        end_date=windows.end_date.isoformat(),
        time_zone=windows.time_zone,
        lag_days=windows.lag_days,
        is_active=collection.is_active,
    )
    dag = _dag(collection, "collection", timetable, max_active_runs=COLLECTION_ACTIVE_RUNS)
    add_steps(dag, collection.workflow.id, {"collection_id": str(collection.id)})
    add_params(dag, windows.typed_times, collection.parameters)
    return dag


def _dag(
    definition: Schedule | Collection,
    kind: str,
    timetable: ScheduleTimetable | CollectionTimetable,
    *,
    max_active_runs: int,
) -> DAG:
    workflow = definition.workflow
    return DAG(
        dag_id=definition.dag_id,
        dag_display_name=_shortened(definition.name, _LONGEST_NAME) or definition.dag_id,
        description=_shortened(definition.description or workflow.name, _LONGEST_NAME),
        doc_md=_manual(definition, timetable.description),
        schedule=timetable,
        catchup=False,  # the timetable decides which missed ticks run
        default_args={**TASK_DEFAULTS, "owner": _owner(workflow.owner)},
        max_active_runs=max_active_runs,
        tags=_tags(kind, workflow.instance_id, workflow.name, *_warning_tags(workflow)),
        is_paused_upon_creation=False,
        render_template_as_native_obj=False,
    )


def _invalid_dag(invalid: InvalidDefinitionRow) -> DAG:
    """Build a DAG that starts nothing and says which column to correct."""
    problem = f"**{_escaped(str(invalid.error))}**"
    row = f" Row: `{invalid.error.key}`." if invalid.error.key else ""
    advice = (
        "Nothing has to be changed."
        if invalid.is_waiting
        else "Correct it in the database; this DAG follows within a minute."
    )
    dag = DAG(
        dag_id=invalid.dag_id,
        dag_display_name=_shortened(invalid.name, _LONGEST_NAME) or invalid.dag_id,
        description=_shortened(str(invalid.error), _LONGEST_NAME),
        doc_md=(f"# This {invalid.kind} cannot run\n\n{problem}\n\n{row} {advice}\n"),
        schedule=None,
        default_args={**TASK_DEFAULTS, "owner": _owner(invalid.owner)},
        tags=_tags(
            invalid.kind, invalid.instance_id, WAITING_TAG if invalid.is_waiting else INVALID_TAG
        ),
        is_paused_upon_creation=False,
    )
    # The same steps: a run that was under way when the row became invalid does all it would have
    source = {f"{invalid.kind}_id": str(invalid.id)}
    add_steps(dag, invalid.workflow_id, source, refusal=str(invalid.error))
    return dag


def _refused_by_airflow(definition: Definition, error: Exception) -> InvalidDefinitionRow:
    """Describe a row whose DAG Airflow refuses, without text of the row."""
    source = definition if isinstance(definition, InvalidDefinitionRow) else definition.workflow
    return InvalidDefinitionRow(
        kind="collection" if isinstance(definition, Collection) else "schedule",
        id=definition.id,
        dag_id=definition.dag_id,
        name=definition.dag_id,
        owner=source.owner,
        instance_id=source.instance_id,
        workflow_id=source.workflow_id if isinstance(source, InvalidDefinitionRow) else source.id,
        error=InvalidDefinition(f"Airflow refuses it: {error}"),
    )


def _tags(*tags: str) -> list[str]:
    return sorted({_shortened(tag, _LONGEST_TAG) for tag in tags if tag})


def _warning_tags(workflow: Workflow) -> list[str]:
    instance_error = [INSTANCE_ERROR_TAG] if workflow.instance_error else []
    return [*instance_error, *([FINDING_TAG] if workflow.findings else [])]


def _owner(name: str) -> str:
    return _shortened(name.replace(",", " "), _LONGEST_NAME) or "unknown"


def _shortened(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _escaped(text: str) -> str:
    """Keep text from becoming HTML or Markdown in the UI."""
    return (
        html.escape(" ".join(text.split()), quote=False).replace("[", "&#91;").replace("`", "&#96;")
    )


def _fenced(text: str, language: str) -> str:
    """Show text as code, also text that contains fences."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.strip()}\n{fence}\n"


def _manual(definition: Schedule | Collection, rule: str) -> str:
    workflow = definition.workflow
    lines = [
        f"# {_escaped(definition.name)}",
        _escaped(definition.description or workflow.description or ""),
        *_warnings(workflow),
        f"- **Workflow** {_escaped(workflow.name)} (`{workflow.id}`)",
        f"- **Instance** {_escaped(workflow.instance_name)} (`{_escaped(workflow.instance_id)}`)",
        f"- **Window** {_escaped(rule)}",
        "\n## Parameters\n",
        *(_parameter_line(name, one) for name, one in sorted(definition.parameters.items())),
        "\n## Query\n",
        *_query(workflow.sql_query),
    ]
    return "\n".join(lines)


def _query(sql: str) -> Iterator[str]:
    """Yield a query as code; of a very long one its beginning."""
    yield _fenced(sql[:_SHOWN_QUERY_CHARS], "sql")
    if len(sql) > _SHOWN_QUERY_CHARS:
        yield f"The query goes on: it has {len(sql)} characters, see `workflows.sql_query`."


def _warnings(workflow: Workflow) -> Iterator[str]:
    """Yield the errors of the instance and the query. Equal rows give equal text."""
    if workflow.instance_error:
        yield (
            "**The instance is in ERROR: runs fail until somebody acts.** "
            f"{_escaped(workflow.instance_error)}\n"
        )
    if workflow.findings:
        yield "**AMC may refuse the query, or find other rows than you expect:**\n"
        yield from (f"- {_escaped(finding)}" for finding in workflow.findings)
        yield ""


def _parameter_line(name: str, parameter: Parameter) -> str:
    array = "ARRAY of " if parameter.is_array else ""
    words = _shortened(parameter.description, _SHOWN_VALUE_CHARS)
    described = f": {_escaped(words)}" if words else ""
    value = _shortened(str(parameter.value), _SHOWN_VALUE_CHARS)
    return f"- `{name}` {array}{parameter.type} = {_escaped(value)}{described}"
