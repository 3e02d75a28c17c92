"""Load a large result, from links to Parquet and a row, and compare with DuckDB's own copy."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from cryptography.fernet import Fernet

from bench.databases import ROOT, Databases, application_database
from bench.history import History, key, write_history
from bench.measurements import (
    BenchSettings,
    Curve,
    Result,
    alternate,
    at_most,
    ratios,
    without_limit,
)
from bench.part_server import serve_parts
from bench.result_parts import read_csv, write_parts

ID = 11
ROWS = 1_000_000
QUICK_ROWS = 100_000
GROWTH = 10
MAX_TIME_RATIO = 2.0
MAX_PEAK_MB = 400
MAX_PEAK_RATIO = 1.1  # a peak of ten times the rows may be so much higher

_SUCCEEDED = """
    UPDATE users SET encrypted_refresh_token = %(token)s;
    UPDATE workflow_executions SET
        status = 'RUNNING', amc_status = 'SUCCEEDED', result_data = NULL, result_rows = NULL,
        completed_at = NULL;
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """The resources that one process used."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadTarget:
    """A database with one execution that has succeeded at AMC, and a directory for results."""

    databases: Databases
    directory: Path
    fernet_key: str

    def load(self, parts: Sequence[Path]) -> Measurement:
        """Load a result as the task does."""
        self._reset_execution()
        with serve_parts(parts) as url:
            amazon = {"conn_type": "http", "host": url, "login": "bench", "password": "bench"}
            amazon["extra"] = json.dumps({"token_url": f"{url}/auth/o2/token"})
            schedule = str(key("schedule 2"))
            environment = {
                "AIRFLOW_HOME": str(self.directory / "airflow"),
                "AIRFLOW_CONN_RECOMAMP_DB": self.databases.pipeline_uri,
                "AIRFLOW_CONN_AMAZON_ADS": json.dumps(amazon),
                "RECOMAMP_FERNET_KEY": self.fernet_key,
                "RECOMAMP_RESULTS_URL": str(self.results),
                "TMPDIR": str(self.directory),
            }
            return _run_child(
                environment, "ours", schedule, f"amc_schedule_{schedule}", "scheduled__1"
            )

    def copy(self, parts: Sequence[Path]) -> Measurement:
        """Copy the same files with DuckDB."""
        return _run_child({}, "duckdb", str(parts[0].parent), str(self.copied))

    @property
    def results(self) -> Path:
        """The directory of our Parquet files."""
        return self.directory / "results"

    @property
    def copied(self) -> Path:
        """DuckDB's Parquet file."""
        return self.directory / "copied.parquet"

    def stored_rows(self) -> int:
        """Return the row count that the execution's row has. The document must be there."""
        with self.databases.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT result_rows FROM workflow_executions"
                " WHERE status = 'SUCCESS' AND result_data ? 'data'"
            )
            (rows,) = cursor.fetchone() or (0,)
        return int(rows)

    def _reset_execution(self) -> None:
        token = Fernet(self.fernet_key.encode()).encrypt(b"Atzr|bench").decode()
        with self.databases.connect("postgres") as superuser, superuser.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(_SUCCEEDED, {"token": token})


def run(settings: BenchSettings) -> Iterator[Result | Curve]:
    """Load alternately with DuckDB, then load ten times as much."""
    rows = QUICK_ROWS if settings.quick else ROWS
    with _load_target(settings) as target:
        parts = write_parts(target.directory / "parts", rows)
        measured: list[Measurement] = []
        yield from _times(target, parts, measured, settings.rounds)
        yield _differences(target, parts, rows)
        shutil.rmtree(parts[0].parent)
        many = write_parts(target.directory / "many", rows * GROWTH)
        yield from _memory(target, many, rows, [each.peak_mb for each in measured], settings.rounds)


@contextlib.contextmanager
def _load_target(settings: BenchSettings) -> Iterator[LoadTarget]:
    settings.data.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=settings.data, prefix="loading-") as directory,
        application_database() as databases,
    ):
        with databases.connect("postgres") as superuser:
            write_history(superuser, History(executions=1, weeks=1, users=1))
        yield LoadTarget(
            databases=databases,
            directory=Path(directory),
            fernet_key=Fernet.generate_key().decode(),
        )


def _times(
    target: LoadTarget, parts: Sequence[Path], measured: list[Measurement], rounds: int
) -> Iterator[Result]:
    copied: list[Measurement] = []

    def load() -> float:
        measured.append(target.load(parts))
        return measured[-1].seconds

    def copy() -> float:
        copied.append(target.copy(parts))
        return copied[-1].seconds

    loading, copying = alternate(load, copy, rounds)
    size_mb = sum(part.stat().st_size for part in parts) / 1e6
    size = f"{size_mb:.0f} MB of CSV in {len(parts)} parts"
    medians = f"{statistics.median(loading):.2f} s / {statistics.median(copying):.2f} s"
    yield at_most(
        MAX_TIME_RATIO,
        id=ID,
        name="download, check and store a result / DuckDB copies it from disk",
        unit="ratio",
        samples=ratios(loading, copying),
        note=f"{size}; {medians}; imports not counted",
    )
    yield without_limit(
        id=ID,
        name="the same in seconds of all cores",
        unit="ratio",
        samples=ratios(
            [each.cpu_seconds for each in measured[1:]], [each.cpu_seconds for each in copied[1:]]
        ),
        note="says what the work costs however busy the machine is",
    )


def _memory(
    target: LoadTarget, parts: Sequence[Path], rows: int, small: Sequence[float], rounds: int
) -> Iterator[Result | Curve]:
    """Load growing numbers of parts for the curve, and all of them `rounds` times."""
    each = GROWTH * rows / len(parts)
    between = [(count * each, target.load(parts[:count]).peak_mb) for count in range(1, len(parts))]
    large = [target.load(parts).peak_mb for _ in range(rounds)]
    ends = [(float(rows), statistics.median(small)), (GROWTH * rows, statistics.median(large))]
    for count, samples in ((rows, small), (rows * GROWTH, large)):
        yield at_most(
            MAX_PEAK_MB,
            id=ID,
            name=f"peak memory of the task that loads {count:,} rows",
            unit="MB",
            samples=samples,
            note="resident, Airflow's own imports included",
        )
    yield at_most(
        MAX_PEAK_RATIO,
        id=ID,
        name=f"peak memory: {rows * GROWTH:,} rows / {rows:,} rows",
        unit="ratio",
        samples=[peak / statistics.median(small) for peak in large],
    )
    yield Curve("Peak memory of loading a result", "rows", "MB", [*ends, *between])


def _differences(target: LoadTarget, parts: Sequence[Path], rows: int) -> Result:
    """Compare the stored rows with those that DuckDB made of the same files."""
    ours = f"read_parquet('{target.results}/**/*.parquet', hive_partitioning = false)"
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        (count,) = connection.execute(
            f"SELECT count(*) FROM (FROM {ours} EXCEPT ALL FROM {read_csv(parts[0].parent)})"
        ).fetchone() or (rows,)
        (stored,) = connection.execute(f"SELECT count(*) FROM {ours}").fetchone() or (0,)
    reported_rows = target.stored_rows()
    return at_most(
        0,
        id=ID,
        name="rows that differ from DuckDB's, are missing, or miscounted",
        unit="rows",
        samples=[float(count + abs(rows - stored) + abs(rows - reported_rows))],
    )


def _run_child(environment: dict[str, str], *arguments: str) -> Measurement:
    done = subprocess.run(
        [sys.executable, "-m", "bench.load_process", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "include"), str(ROOT / "plugins"))),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"loading failed:\n{done.stderr[-3000:]}")
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))
