"""A deployment of docker-compose.yaml with everything it needs outside: a database and Amazon."""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, build_opener

import yaml
from cryptography.fernet import Fernet

from compose import secret_files
from containers.engine import Engine
from fixtures.composition import COMPOSE_FILE, example_values
from stack.environment import EMULATOR_CLIENT_ID, EMULATOR_CLIENT_SECRET

PROJECT = "recomamp-compose-test"
OUTSIDE = f"{PROJECT}-outside"  # the network of what is not ours
PUBLISHED = f"{PROJECT}-published"
AMAZON, DATABASE = f"{PROJECT}-amazon", f"{PROJECT}-application-database"
OWNER, LOGIN = "recomamp_owner", "airflow_pipeline"
TOKEN = "Atzr|demo-north"  # of the emulator's tenant, opens nothing else
COPIES = dict.fromkeys(("dag-processor", "scheduler", "triggerer", "worker"), 2)
SLOTS = 4
WAIT_SECONDS, POLL_SECONDS = 600, 2


class Timeout(Exception):
    """What was waited for has not come."""


def wait_until(what: str, holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Wait until something holds.

    :raises Timeout: it does not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Timeout(what)
        time.sleep(POLL_SECONDS)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Deployment:
    """The containers of one run. ``folder`` holds its settings and its secrets."""

    engine: Engine
    images: dict[str, str]
    folder: Path
    ui_port: int = field(default_factory=_free_port)

    # --- Start and end ---------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make secrets, the network, the application's database and the stand-in for Amazon."""
        self.remove()
        password = self._make_secrets()
        for network in (OUTSIDE, PUBLISHED):
            self.engine.run("network", "create", network)
        self._start_database(password)
        self._start_amazon()
        self.compose("run", "--rm", "init")
        group = f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{password}' IN ROLE recomamp_pipeline"
        self.application(group)

    def up(self) -> None:
        """Start all services, or those whose image has changed, and return when all are healthy."""
        self._write_environment()
        self.compose("up", "--detach")
        for service, copies in COPIES.items():
            wait_until(
                f"{copies} of {service}",
                lambda service=service, copies=copies: len(self.containers(service)) == copies,
            )
        for name in self.engine.names(PROJECT):
            wait_until(f"a healthy {name}", lambda name=name: self.engine.is_healthy(name))

    def remove(self) -> None:
        """Remove what a run has made: containers, volumes, networks."""
        self._write_environment()
        self.engine.compose(*self._files(), "down", "--volumes", check=False)
        # What an interrupted run has left
        for name in (*self.engine.names(PROJECT, running=False), AMAZON, DATABASE):
            self.engine.run("rm", "--force", "--volumes", name, check=False)
        for network in (OUTSIDE, PUBLISHED):
            self.engine.run("network", "rm", network, check=False)

    def compose(self, *arguments: str) -> str:
        """Run a command of Compose on this deployment."""
        return self.engine.compose(*self._files(), *arguments)

    def containers(self, service: str) -> list[str]:
        """Return the names of a service's containers."""
        return self.engine.names(PROJECT, service)

    def container(self, service: str) -> str:
        """Return the name of a service's only container, or of the first."""
        return self.containers(service)[0]

    # --- Its databases and Amazon -----------------------------------------------------------------

    def application(self, statement: str) -> list[list[str]]:
        """Run a statement in the application's database and return its rows as texts."""
        return self._psql(DATABASE, "postgres", "recomamp", statement)

    def airflow(self, statement: str) -> list[list[str]]:
        """Run a statement in Airflow's database and return its rows as texts."""
        return self._psql(self.container("postgres"), "airflow", "airflow", statement)

    def amazon(
        self, method: str, path: str, body: object = None
    ) -> dict[str, list[dict[str, object]]]:
        """Call the control plane of the stand-in for Amazon."""
        port = self.engine.run("port", AMAZON, "8099").split(":")[-1].strip()
        request = Request(
            f"http://127.0.0.1:{port}/_emulator{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with build_opener().open(request, timeout=30) as answer:
            return dict(json.load(answer))

    def held(self, operation: str) -> int:
        """Return how many calls of an operation Amazon holds without an answer."""
        return sum(one["operation"] == operation for one in self.amazon("GET", "/faults")["held"])

    # --- Rows -------------------------------------------------------------------------------------

    def register(self, name: str, weeks: int) -> None:
        """Register a workflow and a collection of that many weeks, both of that name."""
        self.insert_workflow(name)
        self.application(
            f"""
            INSERT INTO report_data_collections
                (name, workflow_id, instance_id, user_id, start_date, end_date)
            SELECT name, id, instance_id, user_id, DATE '2026-03-02',
                DATE '2026-03-02' + {7 * weeks - 1}
            FROM workflows WHERE name = '{name}'
            """
        )

    def insert_workflow(self, name: str) -> None:
        """Insert a workflow by whose query Amazon's executions can be told apart."""
        self.application(
            f"""
            INSERT INTO workflows (name, sql_query, user_id, instance_id)
            SELECT '{name}', $$SELECT campaign, '{name}' AS fault, SUM(clicks) AS clicks
                FROM sponsored_ads_traffic GROUP BY campaign$$, user_id, id
            FROM amc_instances
            """
        )

    def insert_tenant(self) -> None:
        """Insert the user and the instance that the stand-in for Amazon knows."""
        key = (self.folder / "secrets" / "RECOMAMP_FERNET_KEY").read_text(encoding="utf-8").strip()
        token = Fernet(key).encrypt(TOKEN.encode()).decode()
        self.application(
            f"""
            WITH tenant AS (
                INSERT INTO users (email, full_name, timezone, encrypted_refresh_token)
                VALUES ('nora@demo.example', 'Nora North', 'UTC', '{token}') RETURNING id
            ), account AS (
                INSERT INTO amc_accounts (account_id, account_name, country_code)
                VALUES ('ENTITYDEMONORTH', 'Demo North', 'US') RETURNING id
            )
            INSERT INTO amc_instances (instance_id, name, region, user_id, account_id)
            SELECT 'amcdemonorth', 'Demo North', 'us-east-1', tenant.id, account.id
            FROM tenant, account
            """
        )

    # --- Parts ------------------------------------------------------------------------------------

    def _files(self) -> list[str]:
        files = ["--file", str(COMPOSE_FILE), "--file", str(self.folder / "override.yaml")]
        return [*files, "--env-file", str(self.folder / "env"), "--project-name", PROJECT]

    def _psql(self, name: str, user: str, database: str, statement: str) -> list[list[str]]:
        command = ["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
        printed = self.engine.run(
            "exec", "--interactive", name, *command, "-U", user, "-d", database, stdin=statement
        )
        return [line.split("\t") for line in printed.splitlines()]

    def _make_secrets(self) -> str:
        folder = self.folder / "secrets"
        secret_files.make(folder)
        password = (folder / "POSTGRES_PASSWORD").read_text(encoding="utf-8")
        address = "@application-database:5432/recomamp"
        connection = {
            "conn_type": "http",
            "host": "http://emulator:8099",
            "login": EMULATOR_CLIENT_ID,
            "password": EMULATOR_CLIENT_SECRET,
            "extra": {"token_url": "http://emulator:8099/auth/o2/token"},
        }
        for name, value in {
            "AIRFLOW_CONN_RECOMAMP_DB": f"postgresql://{LOGIN}:{password}{address}",
            "RECOMAMP_MIGRATE_URI": f"postgresql://{OWNER}:{password}{address}",
            "AIRFLOW_CONN_AMAZON_ADS": json.dumps(connection),
            "RECOMAMP_FERNET_KEY": Fernet.generate_key().decode(),
        }.items():
            (folder / name).write_text(value, encoding="utf-8")
        return password

    def _write_environment(self) -> None:
        values = {
            name: value for name, value in example_values().items() if not name.endswith("_IMAGE")
        }
        values |= self.images | {
            "RECOMAMP_SECRETS_DIR": str(self.folder / "secrets"),
            "RECOMAMP_ALLOW_INSECURE_DATABASE": "application-database",
            "AIRFLOW__API__PORT": str(self.ui_port),
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(SLOTS),
            "AIRFLOW__CORE__PARALLELISM": str(COPIES["worker"] * SLOTS // COPIES["scheduler"]),
            "RECOMAMP_POLL_SECONDS": "5",
            "RECOMAMP_DRY_RUNS": "off",
        }
        lines = "".join(f"{name}={value}\n" for name, value in values.items())
        (self.folder / "env").write_text(lines, encoding="utf-8")
        (self.folder / "override.yaml").write_text(self._override(), encoding="utf-8")

    def _override(self) -> str:
        """Return what differs here: what is outside is a network of ours."""
        lines = ["networks:", "  egress:", "    external: true", f"    name: {OUTSIDE}"]
        if self.engine.is_podman:  # it has no network without masquerading
            lines += ["  published:", "    external: true", f"    name: {PUBLISHED}"]
        # podman sets higher limits than it may itself have
        files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)
        lines += ["services:"]
        for name in yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))["services"]:
            lines += [f"  {name}:", f"    ulimits: {{core: 0, nofile: {files}, nproc: 4096}}"]
            lines += [f"    scale: {COPIES[name]}"] if name in COPIES else []
        return "\n".join(lines) + "\n"

    def _start_database(self, password: str) -> None:
        secret = self.folder / "secrets" / "POSTGRES_PASSWORD"
        self.engine.run(
            *("run", "--detach", "--name", DATABASE, "--user", "postgres"),
            *("--network", OUTSIDE, "--network-alias", "application-database"),
            *("--env", "POSTGRES_USER=postgres", "--env", "POSTGRES_DB=recomamp"),
            *("--env", "POSTGRES_PASSWORD_FILE=/run/password"),  # pragma: allowlist secret
            *("--volume", f"{secret}:/run/password:ro", self.images["POSTGRES_IMAGE"]),
        )
        ready = ("exec", DATABASE, "pg_isready", "--host=127.0.0.1", "--dbname=recomamp")
        wait_until("the database", lambda: "accepting" in self.engine.run(*ready, check=False))
        self.application(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{password}'")
        self.application(f"ALTER DATABASE recomamp OWNER TO {OWNER}")
        self.application(f"ALTER SCHEMA public OWNER TO {OWNER}")

    def _start_amazon(self) -> None:
        command = ["python", "-m", "amc_emulator", "--host", "0.0.0.0", "--port", "8099"]  # noqa: S104
        self.engine.run(
            *("run", "--detach", "--name", AMAZON, "--publish", "127.0.0.1::8099"),
            *("--network", OUTSIDE, "--network-alias", "emulator"),
            *(self.images["RECOMAMP_EMULATOR_IMAGE"], *command, "--allow-remote"),
        )
        wait_until("Amazon", self._amazon_answers)
        pace = {"mode": "per_second", "pending_seconds": 1, "running_seconds": 8}
        self.amazon("PUT", "/progression", pace)

    def _amazon_answers(self) -> bool:
        try:
            return bool(self.amazon("GET", "/health"))
        except OSError:
            return False
