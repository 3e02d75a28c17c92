"""The pipeline's two connections, as clients: the application's database and Amazon.

Both come from the environment or a secrets backend. No other source works in every process of
Airflow, also while a DAG file is parsed. Why not HttpHook: docs/adr/0003.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self, cast
from uuid import UUID

from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg2.extensions import connection as DatabaseConnection

from recomamp.amazon.ads.client import AdsClient
from recomamp.amazon.amc.account import AmcAccount
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.auth import LwaAuth
from recomamp.amazon.http import TIMEOUT
from recomamp.amazon.regions import Endpoint, marketplace_of
from recomamp.amazon.retry import RetryPolicy
from recomamp.domain.amc_target import AmcTarget
from recomamp.domain.credentials import ClientCredentials
from recomamp.domain.executions import Execution
from recomamp.errors import ConfigurationError
from recomamp.pipeline import settings
from recomamp.pipeline.connections import (
    base_url,
    defined_connection,
    endpoint_at,
    undefined,
    variable_of,
)
from recomamp.pipeline.error_recorder import ErrorRecorder
from recomamp.pipeline.metrics import observe_call
from recomamp.store.connections import Transactions
from recomamp.store.statements import limit_lock_waits
from recomamp.store.tls import connect
from recomamp.store.tokens import UserTokens

# A peer that has silently gone is noticed in half a minute, before Airflow ends the parse
_KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}

# The provider's extra `cursor` chooses one; statements of the pipeline name their own
_OF_CURSORS = frozenset({"row_factory", "cursor_factory"})

# Commits wait for the log, whatever the server's own default is. Otherwise a crash of the server
# could lose a committed row, and AMC could run the query twice. Options at the start of a session
# save a round trip for each connection (poolers: docs/explanation/scaling.md)
_SESSION = "-c TimeZone=UTC -c synchronous_commit=on"

# The server's side of the same: by its own default it keeps the locks of a client that has
# silently gone for two hours, and every retry of that client's task waits for them
_SERVER_KEEPALIVES = " ".join(
    f"-c tcp_{name}={value}" if name.startswith("keepalives") else f"-c {name}={value}"
    for name, value in _KEEPALIVES.items()
)

# Work for all users waits no longer for rows that one user's open transaction has locked
ALL_USERS_LOCK_WAIT = timedelta(seconds=2)

# Keeping a failed call must not hold up the caller for long, whatever the database does
RECORD_TIMEOUT_SECONDS = 5


class DatabaseHook(PostgresHook):
    """Connects to the application's database with psycopg2.

    The provider's hook reads the connection: all options of libpq as extras, and ``iam``.

    :param conn_id: Airflow connection of type postgres.
    :param connect_timeout_seconds: how long to wait for the server; the connection may say less.
    :param statement_timeout_seconds: how long a statement may take.
    :param lock_wait: how long one of ``transaction`` may wait for a lock; None sets no limit.
    """

    def __init__(
        self,
        conn_id: str = settings.DATABASE_CONN_ID,
        *,
        connect_timeout_seconds: int = 10,
        statement_timeout_seconds: int = 60,
        lock_wait: timedelta | None = None,
    ) -> None:
        super().__init__(postgres_conn_id=conn_id)
        self.conn_id = conn_id
        self.connect_timeout_seconds = connect_timeout_seconds
        self.statement_timeout_seconds = statement_timeout_seconds
        self.lock_wait = lock_wait
        self._transactions = Transactions(self.get_conn)

    @classmethod
    def for_all_users(cls) -> Self:
        """Return a hook for work over the rows of all users, one after the other.

        A statement that waits too long for a lock raises ``psycopg2.errors.LockNotAvailable``.
        """
        return cls(lock_wait=ALL_USERS_LOCK_WAIT)

    def get_conn(self) -> DatabaseConnection:
        """Open a connection.

        :raises ConfigurationError: when the Airflow connection is not defined, has an option that
            libpq does not know, or leaves a connection to another machine unencrypted or
            unverified.
        :raises psycopg2.OperationalError: when the server cannot be reached.
        """
        # The provider's hook would keep it. A poller lives for days, and a password may change
        self._connection = None
        try:
            return cast("DatabaseConnection", super().get_conn())
        except AirflowNotFoundException as err:
            raise undefined(self.conn_id) from err
        except ConfigurationError as err:
            raise ConfigurationError(f"{variable_of(self.conn_id)}: {err}") from err

    def _create_connection(self, conn_args: dict[str, Any]) -> Any:
        """Open what the provider's hook has read, with the settings of our sessions."""
        named = {
            name: value
            for name, value in conn_args.items()
            if value is not None and name not in _OF_CURSORS
        }
        options = [
            f"-c statement_timeout={self.statement_timeout_seconds * 1000} {_SESSION}",
            _SERVER_KEEPALIVES,
            named.get("options"),
        ]
        return connect(
            {"application_name": "recomamp-pipeline"}
            | _KEEPALIVES
            | named
            | {
                "connect_timeout": self._shorter_timeout(named.get("connect_timeout")),
                "options": " ".join(filter(None, options)),
            }
        )

    def _shorter_timeout(self, asked: Any) -> int:
        """Return for how many seconds to wait; libpq takes 0 and less for no limit."""
        try:
            asked_seconds = int(asked or 0)
        except (TypeError, ValueError) as err:
            raise ConfigurationError("connect_timeout must be a whole number of seconds") from err
        ours = self.connect_timeout_seconds
        return min(ours, asked_seconds) if asked_seconds > 0 else ours

    @contextmanager
    def transaction(self) -> Iterator[DatabaseConnection]:
        """Give a connection for one transaction: committed at the end, rolled back on an error."""
        with self._transactions.transaction() as connection:
            if self.lock_wait is not None:
                # Not an option of the session: a pooler may drop or reject it
                limit_lock_waits(connection, self.lock_wait)
            yield connection

    @contextmanager
    def reuse_connection(self) -> Iterator[DatabaseHook]:
        """Use one connection for all transactions until the end, instead of one for each."""
        with self._transactions.reuse():
            yield self


class AmcHook(BaseHook):
    """Makes AMC clients for executions: signs in as the owner, asks in the instance's region.

    :param conn_id: Airflow connection of type http: login is the client id, password the client
        secret; host (with schema and port) and extra ``token_url`` replace the regional addresses,
        extra ``regions`` does so for one region alone (``{"EU": {"api_url": …, "token_url": …}}``).
    """

    sleep = staticmethod(asyncio.sleep)  # between tries of a call
    timeout = TIMEOUT

    def __init__(
        self, conn_id: str = settings.AMAZON_CONN_ID, *, database: DatabaseHook | None = None
    ) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.database = database or DatabaseHook()

    def get_conn(self) -> Connection:
        """Return the Airflow connection.

        :raises ConfigurationError: when it is not defined, or lacks client id or secret.
        """
        connection = defined_connection(self.conn_id)
        if not (connection.login and connection.password):
            raise ConfigurationError(
                f"{variable_of(self.conn_id)} must hold the Login with Amazon client id as login "
                "and its client secret as password"
            )
        return connection

    def client_for(self, execution: Execution, *, retry: RetryPolicy | None = None) -> AmcClient:
        """Return a client for the calls of one execution; use as ``async with``.

        :param retry: how often a call is tried again, None for the usual policy.
        :raises InvalidDefinition: when region or country of the instance are unknown.
        :raises ConfigurationError: when a connection or the tokens' key is missing.
        """
        return self.client_at(execution, execution_id=execution.id, retry=retry)

    def client_at(
        self,
        place: AmcTarget,
        *,
        execution_id: UUID | None = None,
        retry: RetryPolicy | None = None,
    ) -> AmcClient:
        """Return a client of an instance; use as ``async with``. Failed calls are recorded.

        :param execution_id: the execution that all calls are about, None for calls about several.
        :param retry: how often a call is tried again, None for the usual policy.
        :raises InvalidDefinition: when region or country of the instance are unknown.
        :raises ConfigurationError: when a connection or the tokens' key is missing.
        """
        endpoint, client_id, auth = self._login_parts(place)
        account = AmcAccount(
            instance_id=place.instance_id,
            entity_id=place.entity_id,
            marketplace_id=marketplace_of(place.country_code, place.marketplace_id),
            endpoint=endpoint,
            client_id=client_id,
        )
        return AmcClient(account, auth, retry=retry, **self._options(place, execution_id))

    def ads_client_at(
        self,
        place: AmcTarget,
        *,
        profile_id: str | None = None,
        retry: RetryPolicy | None = None,
    ) -> AdsClient:
        """Return a client of the Ads API in an instance's region; failed calls are recorded.

        :param profile_id: the profile that all calls are about, where it is one.
        :param retry: how often a call is tried again, None for the usual policy.
        :raises InvalidDefinition: when the region of the instance is unknown.
        :raises ConfigurationError: when a connection or the tokens' key is missing.
        """
        endpoint, client_id, auth = self._login_parts(place)
        return AdsClient(
            endpoint,
            auth,
            client_id=client_id,
            profile_id=profile_id,
            retry=retry,
            **self._options(place, None),
        )

    def _options(self, place: AmcTarget, execution_id: UUID | None) -> dict[str, Any]:
        observe = self._recorder(place, execution_id)
        return {
            "sleep": self.sleep,
            "timeout": self.timeout,
            "limits": settings.limits(),
            "observe": observe,
            "measure": observe_call,
        }

    def _login_parts(self, place: AmcTarget) -> tuple[Endpoint, str, LwaAuth]:
        """Return where an instance's calls go, our client id and what signs them."""
        connection = self.get_conn()
        endpoint = endpoint_at(connection, place.region or "us-east-1")
        credentials = ClientCredentials(
            client_id=connection.login or "", client_secret=connection.password or ""
        )
        database = self.database
        tokens = UserTokens(
            database.get_conn, database.transaction, settings.fernet(), place.user_id
        )
        auth = LwaAuth(
            credentials,
            endpoint.token_url,
            tokens,
            timeout=self.timeout,
            limits=settings.limits(),
        )
        return endpoint, credentials.client_id, auth

    def _recorder(self, place: AmcTarget, execution_id: UUID | None) -> ErrorRecorder:
        database = DatabaseHook(
            self.database.conn_id,
            connect_timeout_seconds=RECORD_TIMEOUT_SECONDS,
            statement_timeout_seconds=RECORD_TIMEOUT_SECONDS,
        )
        return ErrorRecorder(
            connect=database.get_conn,
            instance_key=place.instance_key,
            user_id=place.user_id,
            execution_id=execution_id,
        )


def airflow_api_login() -> tuple[str, str, str]:
    """Return where Airflow's own REST API is, and who asks it: URL, user name, password.

    :raises ConfigurationError: when the connection is not defined, or lacks one of them.
    """
    connection = defined_connection(settings.API_CONN_ID)
    url = base_url(connection)
    if not (url and connection.login and connection.password):
        variable = variable_of(settings.API_CONN_ID)
        raise ConfigurationError(f"{variable} must name a host, a user and a password")
    return url, connection.login, connection.password
