"""A result as Parquet files with exact types. pyarrow is imported by the task, not by DAG files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from recomamp.amazon.amc.client import AmcClient
from recomamp.domain.executions import AmcExecution
from recomamp.domain.scheduling.cron import load_zone
from recomamp.errors import UnexpectedResponse

if TYPE_CHECKING:
    from recomamp.store.results.writer import StoredResults


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Below which address the files of a task's results lie.

    :param output: fsspec URL of a folder.
    :param task: of the DAG's task, as ``dag_id.task_id``.
    :param time_zone: IANA zone of the window's first day.
    """

    output: str
    task: str
    time_zone: str


async def download_result(
    amc: AmcClient, amc_execution_id: str, destination: Destination
) -> dict[str, Any]:
    """Download an execution that has SUCCEEDED, and return the result as a task returns it.

    Running it again replaces the same files, and no others.

    :raises UnexpectedResponse: when AMC does not describe the columns; a later try may succeed.
    :raises ConfigurationError: when nothing can be written to the destination.
    :raises PipelineError: as ``download_parts`` and ``ResultWriter``.
    """
    from recomamp.amazon.amc.result_columns import describe_result
    from recomamp.amazon.download import download_parts
    from recomamp.domain.result_columns import read_columns
    from recomamp.store.results.writer import ResultWriter

    described = await describe_result(amc, amc_execution_id)
    columns = read_columns(described.output_columns)
    if not columns:
        raise UnexpectedResponse(
            f"AMC does not describe the columns of execution {amc_execution_id}; the next try asks "
            "again"
        )
    with (
        TemporaryDirectory(prefix="amc-result-") as directory,
        ResultWriter(
            results_url=destination.output,
            workflow_id=uuid5(NAMESPACE_URL, destination.task),
            execution_id=_uuid_of(amc_execution_id),
            window_start=_first_day(described, destination.time_zone),
            verify_lock=lambda: None,  # of one execution all files are the same
            limits=amc.limits,
            setting="output_url",
        ) as results,
    ):
        results.set_columns(columns)
        await download_parts(amc, amc_execution_id, Path(directory), on_part=results.add)
        return _summary(described, results.finish())


def _summary(described: AmcExecution, stored: StoredResults) -> dict[str, Any]:
    return {
        "amc_execution_id": described.amc_execution_id,
        "window_start": _text(described.window_start),
        "window_end": _text(described.window_end),
        "rows": stored.rows,
        "size_bytes": stored.size_bytes,
        "files": [file.as_json() for file in stored.files],
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _uuid_of(amc_execution_id: str) -> UUID:
    """Return AMC's id, which is a UUID; of any other the UUID that belongs to it."""
    try:
        return UUID(amc_execution_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, amc_execution_id)


def _first_day(described: AmcExecution, time_zone: str) -> date:
    start = described.window_start or described.create_time or datetime.fromtimestamp(0, tz=UTC)
    return start.astimezone(load_zone(time_zone)).date()
