"""Programs that the stack runs to their end: migrations and Airflow's command line."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from stack.environment import airflow_environment, migrate_environment
from stack.errors import FailedError
from stack.private_files import private_files
from stack.processes import record_and_exec
from stack.settings import ROOT, Settings


class Command:
    """A program in a recorded session of its own. Its output goes to `logs/<name>.log`."""

    def __init__(
        self, name: str, command: str, *, data: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = data / "logs" / f"{name}.log"
        self._errors = data / "logs" / f"{name}.err"
        self._pid_file = data / "run" / f"{name}.pid"
        with private_files(), self.log.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S602  a shell records its id, then execs
                record_and_exec(command, self._pid_file),
                shell=True,
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    def result(self, timeout: float | None = None) -> str:
        """Wait for the end and return the output.

        :raises FailedError: if the exit code is not 0, or it does not end in time.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired as err:
            self.kill()
            message = f"{self.name} did not end within {timeout} s (log: {self.log})"
            raise FailedError(message) from err
        self._pid_file.unlink(missing_ok=True)
        if code != 0:
            reason = _last_line(self._errors) or _last_line(self.log) or f"exit code {code}"
            message = f"{self.name} failed: {reason} (log: {self.log})"
            raise FailedError(message)
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


class Commands:
    """Commands in the environment of one stack."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def airflow(self, *arguments: str, timeout: float = 120) -> str:
        """Run Airflow's command line and return its output.

        :raises FailedError: if the exit code is not 0, or it does not end in time.
        """
        name = f"airflow-{arguments[0]}-{uuid.uuid4().hex[:8]}"
        command = shlex.join(["airflow", *arguments])
        return self._start(name, command, airflow_environment(self._settings)).result(timeout)

    def migrate_application(self) -> str:
        """Apply pending migrations to the application's database. Return their names.

        :raises FailedError: if one does not apply.
        """
        command = shlex.join([sys.executable, "-m", "recomamp.store.migrate"])
        with _killed_on_error(
            self._start("migrate", command, migrate_environment(self._settings))
        ) as run:
            return run.result()

    @contextlib.contextmanager
    def airflow_migration(self) -> Iterator[None]:
        """Migrate Airflow's own database during the block, and wait for it at the block's end.

        :raises FailedError: if the migration fails.
        """
        version_file = self._settings.data / "postgres" / "airflow-migrated"
        version = metadata.version("apache-airflow-core")
        if version_file.exists() and version_file.read_text(encoding="utf-8") == version:
            yield
            return
        environment = airflow_environment(self._settings)
        with _killed_on_error(
            self._start("airflow-migrate", "airflow db migrate", environment)
        ) as run:
            yield
            run.result()
        version_file.write_text(version, encoding="utf-8")

    def _start(self, name: str, command: str, environment: Mapping[str, str]) -> Command:
        return Command(name, command, data=self._settings.data, environment=environment)


@contextlib.contextmanager
def _killed_on_error(command: Command) -> Iterator[Command]:
    """Kill the command if the block is interrupted."""
    try:
        yield command
    except BaseException:
        command.kill()
        raise


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
