"""Measure one load in its own process: `python -m bench.load_process ours | duckdb …`.

The time is that of the work, without the start of the interpreter and imports, on both sides.
Prints seconds of wall time, seconds of all cores, and the peak of resident memory in MB.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID


def pipeline_load(schedule_id: str, dag_id: str, run_id: str) -> Callable[[], object]:
    """Return the task `load` as a worker runs it: LoadResults with its environment."""
    from recomamp.pipeline.executions.load import LoadResults  # first, as in a task

    import_module("airflow.sdk.execution_time.supervisor")  # the parent process of a task
    import_module("anyio._backends._asyncio")
    for module in ("recomamp.amazon.download", "recomamp.store.results.writer"):
        import_module(module)
    logging.disable(logging.INFO)
    task = LoadResults(task_id="load", definition_kind="schedule", definition_id=schedule_id)
    run = SimpleNamespace(dag_id=dag_id, run_id=run_id)
    ti = SimpleNamespace(
        try_number=1, max_tries=0, task=task, xcom_pull=lambda task_ids: task_ids and None
    )
    context: Any = {"dag_run": run, "params": {}, "outlet_events": {}, "ti": ti}
    return lambda: UUID(task.execute(context))


def duckdb_copy(parts: str, target: str) -> Callable[[], object]:
    """Return DuckDB's own copy of the local files to one Parquet file."""
    import duckdb

    from bench.result_parts import read_csv

    statement = (
        f"COPY (FROM {read_csv(Path(parts))}) TO '{target}' (FORMAT parquet, COMPRESSION snappy)"
    )

    def copy() -> None:
        with duckdb.connect() as connection:
            connection.execute(statement)

    return copy


def _peak_mb() -> float:
    # Not ru_maxrss: that begins with the peak of the process that started this one
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (peak_kb,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(peak_kb) * 1024 / 1e6


def main(kind: str, *arguments: str) -> None:
    """Measure once."""
    prepare: Callable[..., Callable[[], object]] = pipeline_load if kind == "ours" else duckdb_copy
    work = prepare(*arguments)
    began, cpu_began = time.perf_counter(), time.process_time()
    work()
    measured = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu_began,
        "peak_mb": _peak_mb(),
    }
    sys.stdout.write(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
