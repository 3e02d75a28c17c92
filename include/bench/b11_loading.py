"""A large result, from links to Parquet and a row, against DuckDB's own copying of local files."""

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

from bench.history import History, key, write_history
from bench.measuring import BenchSettings, Curve, Result, alternate, at_most, ratios, stated
from bench.part_server import serving
from bench.places import ROOT, Databases, application_database
from bench.result_parts import read_csv, write_parts

ID = 11
ROWS = 1_000_000
QUICK_ROWS = 100_000
GROWTH = 10
TIMES = 2.0
PEAK_MB = 400
SAME = 1.1  # a peak of ten times the rows may be so much higher

_SUCCEEDED = """
    UPDATE users SET encrypted_refresh_token = %(token)s;
    UPDATE workflow_executions SET
        status = 'RUNNING', amc_status = 'SUCCEEDED', result_data = NULL, result_rows = NULL,
        completed_at = NULL;
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What one process needed."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A database with one execution that has succeeded at AMC, and a directory to write to."""

    databases: Databases
    directory: Path
    fernet_key: str

    def load(self, parts: Sequence[Path]) -> Measured:
        """Load a result as the task does."""
        self._begin_anew()
        with serving(parts) as url:
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
            return _child(environment, "ours", schedule, f"amc_schedule_{schedule}", "scheduled__1")

    def copy(self, parts: Sequence[Path]) -> Measured:
        """Let DuckDB copy the same files."""
        return _child({}, "duckdb", str(parts[0].parent), str(self.copied))

    @property
    def results(self) -> Path:
        """Where our Parquet files go."""
        return self.directory / "results"

    @property
    def copied(self) -> Path:
        """DuckDB's Parquet file."""
        return self.directory / "copied.parquet"

    def stored_rows(self) -> int:
        """Read from the row how many rows the result has; the document must be there."""
        with self.databases.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT result_rows FROM workflow_executions"
                " WHERE status = 'SUCCESS' AND result_data ? 'data'"
            )
            (rows,) = cursor.fetchone() or (0,)
        return int(rows)

    def _begin_anew(self) -> None:
        token = Fernet(self.fernet_key.encode()).encrypt(b"Atzr|bench").decode()
        with self.databases.connect("postgres") as superuser, superuser.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(_SUCCEEDED, {"token": token})


def run(settings: BenchSettings) -> Iterator[Result | Curve]:
    """Load by turns with DuckDB, then ten times as much."""
    rows = QUICK_ROWS if settings.quick else ROWS
    with _place(settings) as place:
        parts = write_parts(place.directory / "parts", rows)
        measured: list[Measured] = []
        yield from _times(place, parts, measured, settings.rounds)
        yield _differences(place, parts, rows)
        shutil.rmtree(parts[0].parent)
        many = write_parts(place.directory / "many", rows * GROWTH)
        yield from _memory(place, many, rows, [each.peak_mb for each in measured], settings.rounds)


@contextlib.contextmanager
def _place(settings: BenchSettings) -> Iterator[Place]:
    settings.data.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=settings.data, prefix="loading-") as directory,
        application_database() as databases,
    ):
        with databases.connect("postgres") as superuser:
            write_history(superuser, History(executions=1, weeks=1, users=1))
        yield Place(
            databases=databases,
            directory=Path(directory),
            fernet_key=Fernet.generate_key().decode(),
        )


def _times(
    place: Place, parts: Sequence[Path], measured: list[Measured], rounds: int
) -> Iterator[Result]:
    copied: list[Measured] = []

    def load() -> float:
        measured.append(place.load(parts))
        return measured[-1].seconds

    def copy() -> float:
        copied.append(place.copy(parts))
        return copied[-1].seconds

    loading, copying = alternate(load, copy, rounds)
    size_mb = sum(part.stat().st_size for part in parts) / 1e6
    said = f"{size_mb:.0f} MB of CSV in {len(parts)} parts"
    medians = f"{statistics.median(loading):.2f} s / {statistics.median(copying):.2f} s"
    yield at_most(
        TIMES,
        id=ID,
        name="download, check and store a result / DuckDB copies it from disk",
        unit="ratio",
        samples=ratios(loading, copying),
        note=f"{said}; {medians}; imports not counted",
    )
    yield stated(
        id=ID,
        name="the same in seconds of all cores",
        unit="ratio",
        samples=ratios(
            [each.cpu_seconds for each in measured[1:]], [each.cpu_seconds for each in copied[1:]]
        ),
        note="says what the work costs however busy the machine is",
    )


def _memory(
    place: Place, parts: Sequence[Path], rows: int, small: Sequence[float], rounds: int
) -> Iterator[Result | Curve]:
    """Load ever more of the parts: the curve's points; all of them as often as `rounds` says."""
    each = GROWTH * rows / len(parts)
    between = [(count * each, place.load(parts[:count]).peak_mb) for count in range(1, len(parts))]
    large = [place.load(parts).peak_mb for _ in range(rounds)]
    ends = [(float(rows), statistics.median(small)), (GROWTH * rows, statistics.median(large))]
    for count, samples in ((rows, small), (rows * GROWTH, large)):
        yield at_most(
            PEAK_MB,
            id=ID,
            name=f"peak memory of the task that loads {count:,} rows",
            unit="MB",
            samples=samples,
            note="resident, Airflow's own imports included",
        )
    yield at_most(
        SAME,
        id=ID,
        name=f"peak memory: {rows * GROWTH:,} rows / {rows:,} rows",
        unit="ratio",
        samples=[peak / statistics.median(small) for peak in large],
    )
    yield Curve("Peak memory of loading a result", "rows", "MB", [*ends, *between])


def _differences(place: Place, parts: Sequence[Path], rows: int) -> Result:
    """Compare what was stored with what DuckDB made of the same files, row by row."""
    ours = f"read_parquet('{place.results}/**/*.parquet', hive_partitioning = false)"
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        (count,) = connection.execute(
            f"SELECT count(*) FROM (FROM {ours} EXCEPT ALL FROM {read_csv(parts[0].parent)})"
        ).fetchone() or (rows,)
        (stored,) = connection.execute(f"SELECT count(*) FROM {ours}").fetchone() or (0,)
    told = place.stored_rows()
    return at_most(
        0,
        id=ID,
        name="rows that differ from DuckDB's, are missing, or miscounted",
        unit="rows",
        samples=[float(count + abs(rows - stored) + abs(rows - told))],
    )


def _child(environment: dict[str, str], *arguments: str) -> Measured:
    done = subprocess.run(
        [sys.executable, "-m", "bench.loading", *arguments],
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
    return Measured(**json.loads(done.stdout.splitlines()[-1]))
