"""Start and end the stack as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import httpx

from stack import broker, environment
from stack.commands import Commands
from stack.credentials import SUPERUSER_PASSWORD
from stack.errors import FailedError, RefusedError
from stack.health import healthy_components
from stack.ports import check_ports_free
from stack.postgres import Postgres
from stack.private_files import private_files, write_private
from stack.processes import (
    end_processes,
    find_processes,
    is_alive,
    process_tree,
    read_pid,
    record_pid,
    wait_until_reaped,
)
from stack.settings import LOCAL_EXECUTOR, ROOT, Settings
from stack.supervisor import (
    GRACE_SECONDS,
    HEALTHY_MARKER,
    WORKER_GRACE_SECONDS,
    WORKERS,
    read_procfile,
)

HEALTHY_TIMEOUT_SECONDS = 240
POLL_SECONDS = 0.5

Report = Callable[[str], None]


class Stack:
    """The embedded stack of one data directory. At most one runs there at a time."""

    def __init__(self, settings: Settings, *, report: Report = lambda _line: None) -> None:
        """Describe a stack, running or not.

        :param report: called with one line when a component is ready or has ended.
        """
        self._run = settings.data / "run"
        self._logs = settings.data / "logs"
        self._report = report
        self._system_log_bytes = 0
        self.settings = self._as_running(settings)
        self.commands = Commands(self.settings)
        self._postgres = Postgres(
            directory=settings.data / "postgres",
            port=self.settings.ports.postgres,
            password=settings.credentials[SUPERUSER_PASSWORD],
            log_file=self._logs / "postgres.log",
            disposable=settings.disposable,
        )

    @property
    def is_running(self) -> bool:
        """Whether the supervisor of this stack runs."""
        return read_pid(self._supervisor_file) is not None

    def healthy(self) -> set[str]:
        """Return the components that report that they are healthy."""
        return healthy_components(self.settings)

    def up(self) -> bool:
        """Start everything and return when it is healthy. Return False if it already runs.

        :raises RefusedError: if a port is taken; nothing was started.
        :raises FailedError: if a component does not come up; everything was ended again.
        """
        with self.exclusive_access():
            if self.is_running:
                return False
            self._end()
            check_ports_free(self.settings.open_ports)
            try:
                self._start()
            except BaseException:
                self._end()
                raise
        return True

    def down(self) -> bool:
        """End everything and return when no process is left. Return False if nothing ran.

        :raises FailedError: if a process survives.
        """
        with self.exclusive_access():
            return self._end()

    @contextlib.contextmanager
    def running(self) -> Iterator[Stack]:
        """Keep the stack up for the length of a block."""
        self.up()
        try:
            yield self
        finally:
            self.down()

    def migrate(self) -> str:
        """Apply pending migrations and return their names. Start Postgres if it does not run.

        :raises FailedError: if one does not apply.
        """
        with self.exclusive_access():
            if not self.settings.uses_embedded_database or self._postgres.pid is not None:
                return self.commands.migrate_application()
            check_ports_free({"postgres": self.settings.ports.postgres})
            try:
                self._start_databases()
                return self._migrate_own_database()
            finally:
                with _signals_ignored():
                    self._postgres.stop()

    def api(self) -> httpx.Client:
        """Return a client of Airflow's REST API that is signed in as the administrator."""
        client = httpx.Client(base_url=self.settings.api_url, trust_env=False, timeout=30)
        password = self.settings.credentials["RECOMAMP_UI_PASSWORD"]
        login = {"username": environment.UI_USER, "password": password}
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def _start(self) -> None:
        if self.settings.uses_celery:
            broker.prepare(self.settings)
        self._write_running()
        self._start_databases()
        with self.commands.airflow_migration():
            if self.settings.uses_embedded_database:
                self._migrate_own_database()
        self._report("databases      migrated")
        _write_passwords(self.settings)
        self._start_supervisor()
        self._wait_until_healthy()

    def _start_databases(self) -> None:
        postgres, credentials = self._postgres, self.settings.credentials
        postgres.start()
        postgres.ensure_role("airflow", credentials["RECOMAMP_AIRFLOW_PASSWORD"])
        postgres.ensure_database("airflow", "airflow")
        if self.settings.uses_embedded_database:
            # Migrations create the roles of analysts and of the pipeline.
            password = credentials["RECOMAMP_OWNER_PASSWORD"]
            postgres.ensure_role("recomamp", password, options="CREATEROLE")
            postgres.ensure_database("recomamp", "recomamp")
        self._report(f"postgres       ready on port {postgres.port}")

    def _migrate_own_database(self) -> str:
        applied = self.commands.migrate_application()
        for role in ("pipeline", "console"):
            password = self.settings.credentials[f"RECOMAMP_{role.upper()}_PASSWORD"]
            self._postgres.ensure_role(f"recomamp_{role}", password)
        return applied

    def _start_supervisor(self) -> None:
        # Earlier runs have written there, and ended
        self._system_log_bytes = self._system_log.stat().st_size if self._system_log.exists() else 0
        output = self._logs / "supervisor.log"
        with output.open("ab") as file:
            supervisor = subprocess.Popen(
                [sys.executable, "-m", "stack.supervisor", str(self.settings.data)],
                cwd=ROOT,
                env=environment.supervisor_environment(os.environ),
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record_pid(supervisor.pid, self._supervisor_file)
        with contextlib.closing(supervisor.stdin) as channel:  # type: ignore[type-var]
            channel.write(json.dumps(self._environments()).encode())  # type: ignore[union-attr]
        # It outlives this process. The thread reaps it, so that it does not become a zombie.
        threading.Thread(target=supervisor.wait, daemon=True).start()

    def _environments(self) -> dict[str, Mapping[str, str]]:
        others = {"emulator", "redis", *(() if self.settings.uses_celery else WORKERS)}
        names = [name for name in read_procfile() if name not in others]
        airflow = environment.airflow_environment(self.settings)
        environments: dict[str, Mapping[str, str]] = dict.fromkeys(names, airflow)
        environments["api-server"] = environment.api_server_environment(self.settings)
        environments["follower"] = environment.follower_environment(self.settings)
        if self.settings.uses_emulator:
            environments["emulator"] = environment.emulator_environment(self.settings)
        if self.settings.uses_celery:
            environments["redis"] = environment.redis_environment(self.settings)
        return environments

    def _wait_until_healthy(self) -> None:
        expected, seen = set(self._environments()), set[str]()
        started = time.monotonic()
        while seen != expected:
            if not self.is_running:
                raise FailedError(self._end_reason())
            if time.monotonic() - started > HEALTHY_TIMEOUT_SECONDS:
                missing = ", ".join(sorted(expected - seen))
                message = (
                    f"not healthy after {HEALTHY_TIMEOUT_SECONDS} s: {missing} (logs: {self._logs})"
                )
                raise FailedError(message)
            for name in sorted((self.healthy() & expected) - seen):
                seen.add(name)
                self._report(f"{name:14} healthy after {time.monotonic() - started:.0f} s")
            time.sleep(POLL_SECONDS)
        self._healthy_marker.touch()

    def _end_reason(self) -> str:
        log = self._system_log.read_bytes() if self._system_log.exists() else b""
        lines = log[self._system_log_bytes :].decode(errors="replace").splitlines()
        ended = [line for line in lines if " stopped (rc=" in line]
        return f"{ended[0] if ended else 'the supervisor ended'} (logs: {self._logs})"

    def _end(self) -> bool:
        """End the supervisor and its children, their orphans, and Postgres."""
        with _signals_ignored():
            self._healthy_marker.unlink(missing_ok=True)  # nothing is restarted from now on
            supervisor_processes = process_tree(read_pid(self._supervisor_file))
            server_processes = process_tree(self._postgres.pid)
            ran = bool(supervisor_processes or server_processes or find_processes(self._run))
            if supervisor_processes and self.settings.uses_celery:
                self._report(f"workers        end their tasks within {WORKER_GRACE_SECONDS} s")
            end_processes(supervisor_processes[:1], grace_seconds=self._grace_seconds)
            for _ in range(3):  # a dying process may fork once more
                remaining = [*filter(is_alive, supervisor_processes), *find_processes(self._run)]
                end_processes(remaining)
            self._postgres.stop()
            wait_until_reaped([*supervisor_processes, *server_processes])
            if survivors := [one.pid for one in find_processes(self._run) if is_alive(one)]:
                message = f"processes {survivors} did not end"
                raise FailedError(message)
            for path in (*self._run.glob("*.pid"), self._ports_file, self._executor_file):
                path.unlink(missing_ok=True)
        return ran

    @contextlib.contextmanager
    def exclusive_access(self) -> Iterator[None]:
        """Lock this directory against a second command, and create files for the owner alone."""
        with private_files():
            self._run.mkdir(parents=True, exist_ok=True)
            self._logs.mkdir(parents=True, exist_ok=True)
            with (self._run / "lock").open("w") as lock:
                self._lock(lock)
                yield

    def _lock(self, lock: IO[str]) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            message = f"another command is starting or ending the stack in {self._run.parent}"
            raise RefusedError(message) from err

    @property
    def _supervisor_file(self) -> Path:
        return self._run / "supervisor.pid"

    @property
    def _system_log(self) -> Path:
        return self._logs / "system.log"

    @property
    def _healthy_marker(self) -> Path:
        return self._run / HEALTHY_MARKER

    @property
    def _ports_file(self) -> Path:
        return self._run / "ports.json"

    @property
    def _executor_file(self) -> Path:
        return self._run / "executor"

    @property
    def _grace_seconds(self) -> int:
        """How long the supervisor may take to end everything."""
        return GRACE_SECONDS + 10 + (WORKER_GRACE_SECONDS if self.settings.uses_celery else 0)

    def _write_running(self) -> None:
        ports = json.dumps(self.settings.ports.as_dict())
        self._ports_file.write_text(ports, encoding="utf-8")
        self._executor_file.write_text(self.settings.executor, encoding="utf-8")

    def _as_running(self, settings: Settings) -> Settings:
        """Return ports and executor of the running stack, not those of this environment."""
        if not self.is_running or not self._ports_file.exists():
            return settings
        ports = json.loads(self._ports_file.read_text(encoding="utf-8"))
        executor = LOCAL_EXECUTOR
        if self._executor_file.exists():
            executor = self._executor_file.read_text(encoding="utf-8")
        return settings.as_running(ports, executor)


def _write_passwords(settings: Settings) -> None:
    """Write the files in which Airflow and libpq look up passwords."""
    passwords = {
        environment.UI_USER: settings.credentials["RECOMAMP_UI_PASSWORD"],
        environment.FOLLOWER: settings.credentials["RECOMAMP_FOLLOWER_PASSWORD"],
    }
    write_private(environment.password_file(settings), json.dumps(passwords))
    write_private(settings.pgpass_file, settings.pgpass)


@contextlib.contextmanager
def _signals_ignored() -> Iterator[None]:
    """Ignore a second Ctrl-C while the processes of the first are being ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {kind: signal.signal(kind, signal.SIG_IGN) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
