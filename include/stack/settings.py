"""The stack's directory, ports and credentials, and the caller's environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from stack.credentials import SUPERUSER_PASSWORD, check_fernet_keys, load_credentials
from stack.errors import RefusedError
from stack.ports import HOST, Ports, choose_ports
from stack.private_files import private_files

ROOT = Path(__file__).resolve().parents[2]
DATABASE_SETTING = "AIRFLOW_CONN_RECOMAMP_DB"
CONSOLE_SETTING = "AIRFLOW_CONN_RECOMAMP_CONSOLE_DB"
AMAZON_SETTING = "AIRFLOW_CONN_AMAZON_ADS"
MIGRATE_SETTING = "RECOMAMP_MIGRATE_URI"
FERNET_SETTING = "RECOMAMP_FERNET_KEY"
EXECUTOR_SETTING = "AIRFLOW__CORE__EXECUTOR"
LOCAL_EXECUTOR = "LocalExecutor"
CELERY_EXECUTOR = "CeleryExecutor"
SECRETS_FILE = "secrets.env"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings, decided before anything starts."""

    data: Path
    ports: Ports
    credentials: Mapping[str, str]
    environ: Mapping[str, str]
    executor: str = LOCAL_EXECUTOR
    disposable: bool = False

    @classmethod
    def load(
        cls,
        *,
        data: Path,
        environ: Mapping[str, str],
        free_ports: bool = False,
        disposable: bool = False,
    ) -> Settings:
        """Return the settings of the environment, with generated values for missing ones.

        :param data: directory of everything the stack writes.
        :param free_ports: take any free ports instead of the settings' (several stacks at once).
        :param disposable: trade the safety of the database's files for speed.
        :raises RefusedError: if a setting is malformed or missing.
        """
        _check_settings(environ)
        ports = choose_ports(environ, free_ports=free_ports)
        data = data.resolve()
        _restrict_to_owner(data)
        credentials = load_credentials(data / SECRETS_FILE, environ)
        return cls(
            data=data,
            ports=ports,
            credentials=credentials,
            environ=dict(environ),
            executor=environ.get(EXECUTOR_SETTING) or LOCAL_EXECUTOR,
            disposable=disposable,
        )

    def as_running(self, ports: Mapping[str, int], executor: str) -> Settings:
        """Return the same settings with the ports and the executor of the running stack."""
        # An older version may have started it, with fewer ports
        known = self.ports.as_dict()
        chosen = {name: ports.get(name, port) for name, port in known.items()}
        return replace(self, ports=Ports(**chosen), executor=executor)

    @property
    def uses_celery(self) -> bool:
        """Whether Celery's workers run the tasks. They need Redis."""
        return CELERY_EXECUTOR in self.executor

    @property
    def uses_embedded_database(self) -> bool:
        """Whether the application's database is the embedded one."""
        return not self.environ.get(DATABASE_SETTING)

    @property
    def uses_emulator(self) -> bool:
        """Whether Amazon is the emulator."""
        return not self.environ.get(AMAZON_SETTING)

    @property
    def api_url(self) -> str:
        """Where the user interface and the REST API answer."""
        return f"http://{HOST}:{self.ports.api}"

    @property
    def emulator_url(self) -> str:
        """Where the emulator answers, if it is started."""
        return f"http://{HOST}:{self.ports.emulator}"

    @property
    def owner_uri(self) -> str:
        """URI of the embedded application database as the owner of its tables."""
        return self._uri("recomamp", "RECOMAMP_OWNER_PASSWORD", "recomamp")

    @property
    def pipeline_uri(self) -> str:
        """URI of the embedded application database as the pipeline sees it."""
        return self._uri("recomamp_pipeline", "RECOMAMP_PIPELINE_PASSWORD", "recomamp")

    @property
    def console_uri(self) -> str:
        """URI of the embedded application database as the console sees it."""
        return self._uri("recomamp_console", "RECOMAMP_CONSOLE_PASSWORD", "recomamp")

    @property
    def airflow_uri(self) -> str:
        """URI of Airflow's own database."""
        return self._uri("airflow", "RECOMAMP_AIRFLOW_PASSWORD", "airflow")

    @property
    def broker_url(self) -> str:
        """Where the embedded Redis answers, if it is started."""
        password = quote(self.credentials["RECOMAMP_REDIS_PASSWORD"], safe="")
        return f"redis://:{password}@{HOST}:{self.ports.redis}/0"

    @property
    def redis_directory(self) -> Path:
        """Folder of all that the embedded Redis reads and writes."""
        return self.data / "redis"

    @property
    def superuser_uri(self) -> str:
        """URI of the embedded server's maintenance database as its superuser."""
        return self._uri("postgres", SUPERUSER_PASSWORD, "postgres")

    @property
    def pgpass_file(self) -> Path:
        """File in which libpq finds the passwords of URIs that are shown."""
        return self.data / "pgpass"

    @property
    def pgpass(self) -> str:
        """Content of that file: host, port, database, role and password in each line."""
        lines = []
        for uri in (self.owner_uri, self.airflow_uri):
            parts = urlsplit(uri)
            fields = (HOST, str(parts.port), parts.path[1:], parts.username, parts.password)
            lines.append(":".join(_escaped(unquote(field or "")) for field in fields))
        return "\n".join(lines) + "\n"

    def display_uri(self, uri: str, *, passfile: str | None = None) -> str:
        """Return a URI without its password, which libpq looks up in a file.

        :param passfile: another way to write the path of that file.
        """
        parts = urlsplit(uri)
        place = f"{parts.username}@{HOST}:{parts.port}{parts.path}"
        return f"postgresql://{place}?passfile={quote(passfile or str(self.pgpass_file))}"

    @property
    def migrate_uri(self) -> str:
        """URI (or Airflow connection) that migrations run with."""
        given = self.environ.get(MIGRATE_SETTING) or self.environ.get(DATABASE_SETTING)
        return given or self.owner_uri

    @property
    def open_ports(self) -> dict[str, int]:
        """Ports that are really opened, by part."""
        ports = self.ports.as_dict()
        if not self.uses_emulator:
            del ports["emulator"]
        if not self.uses_celery:
            del ports["redis"]
        return ports

    def _uri(self, role: str, password_name: str, database: str) -> str:
        password = quote(self.credentials[password_name], safe="")
        return f"postgresql://{role}:{password}@{HOST}:{self.ports.postgres}/{database}"


def _escaped(field: str) -> str:
    return field.replace("\\", "\\\\").replace(":", "\\:")


def _restrict_to_owner(data: Path) -> None:
    """Make the directory for its owner alone.

    An existing directory is closed only if it is a stack's.
    """
    with private_files():
        data.mkdir(parents=True, exist_ok=True)
    if (data / SECRETS_FILE).exists():
        data.chmod(0o700)


def _check_settings(environ: Mapping[str, str]) -> None:
    for name in (DATABASE_SETTING, AMAZON_SETTING):
        if value := environ.get(name):
            _check_connection(name, value)
    if keys := environ.get(FERNET_SETTING):
        check_fernet_keys(FERNET_SETTING, keys)


def _check_connection(name: str, value: str) -> None:
    if value.startswith("{"):
        try:
            well_formed = isinstance(json.loads(value), dict)
        except ValueError:
            well_formed = False
    else:
        well_formed = "://" in value
    if not well_formed:
        # The value may hold a password, so it is not repeated here.
        message = f"{name} is neither a URI nor a JSON object (see Airflow's connections)"
        raise RefusedError(message)


def require_token_key(environ: Mapping[str, str]) -> None:
    """Check that tokens in a database that is not ours can be decrypted.

    :raises RefusedError: if the database is given and the key is not.
    """
    if environ.get(DATABASE_SETTING) and not environ.get(FERNET_SETTING):
        message = f"{DATABASE_SETTING} is set but {FERNET_SETTING} is not: users' tokens are sealed"
        raise RefusedError(message)
