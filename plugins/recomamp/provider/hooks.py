"""The hook of connections of the type ``amc``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from recomamp.amazon.amc.account import AmcAccount
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.auth import LwaAuth
from recomamp.amazon.regions import marketplace_of
from recomamp.amazon.retry import RetryPolicy
from recomamp.domain.credentials import ClientCredentials, Tokens
from recomamp.domain.text import one_line
from recomamp.errors import ConfigurationError, InvalidDefinition, PipelineError
from recomamp.pipeline import settings
from recomamp.pipeline.connections import defined_connection, endpoint_at, undefined

_REQUIRED = ("refresh_token", "entity_id")


class _TokenMemory:
    """The tokens of one client, in memory: a connection has the refresh token, and never changes.

    It is a ``TokenStore``. Amazon gives each caller an access token of its own.
    """

    def __init__(self, refresh_token: str) -> None:
        self._tokens = Tokens(access_token=None, refresh_token=refresh_token, expires_at=None)
        self._lock = asyncio.Lock()

    async def read(self) -> Tokens:
        return self._tokens

    async def refresh(
        self, renew: Callable[[Tokens], Awaitable[Tokens]], stale: str | None
    ) -> Tokens:
        async with self._lock:
            if not self._tokens.usable(datetime.now(UTC), stale=stale):
                self._tokens = await renew(self._tokens)
            return self._tokens


class AmcHook(BaseHook):
    """Makes clients of one AMC instance from an Airflow connection of the type ``amc``.

    Login and password are the Login with Amazon application. The extras ``refresh_token`` and
    ``entity_id`` are required; ``marketplace_id``, ``country_code``, ``region``, ``instance_id``,
    ``token_url`` and ``execution_url`` are optional. A host replaces the region's API address.

    :param amc_conn_id: the connection, from any place where Airflow keeps connections.
    """

    conn_name_attr = "amc_conn_id"
    default_conn_name = "amc_default"
    conn_type = "amc"
    hook_name = "Amazon Marketing Cloud"

    sleep = staticmethod(asyncio.sleep)  # between tries of a call

    def __init__(self, amc_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.amc_conn_id = amc_conn_id

    def get_conn(self) -> Connection:
        """Return the Airflow connection.

        :raises ConfigurationError: when it is not defined.
        """
        return defined_connection(self.amc_conn_id)

    async def aget_conn(self) -> Connection:
        """Return the Airflow connection, on an event loop; raises as ``get_conn``."""
        try:
            return await BaseHook.aget_connection(self.amc_conn_id)
        except AirflowNotFoundException as err:
            raise undefined(self.amc_conn_id) from err

    def client(
        self,
        instance_id: str | None = None,
        *,
        connection: Connection | None = None,
        retry: RetryPolicy | None = None,
    ) -> AmcClient:
        """Return a client of an instance; use as ``async with``.

        :param instance_id: AMC's own id; None for that of the connection.
        :param connection: as ``aget_conn`` returned it; None to read it here, which a trigger
            must not do on a thread.
        :param retry: how often a call is tried again, None for the usual policy.
        :raises ConfigurationError: when the connection is not defined or lacks something.
        """
        connection = connection or self.get_conn()
        extra = self._extra(connection)
        credentials = ClientCredentials(
            client_id=connection.login or "",
            client_secret=connection.password or "",
            connection=f"connection {self.amc_conn_id!r}",
        )
        account = self._account(connection, extra, instance_id)
        limits = settings.limits()
        tokens = _TokenMemory(extra["refresh_token"])
        auth = LwaAuth(credentials, account.endpoint.token_url, tokens, limits=limits)
        return AmcClient(account, auth, retry=retry, limits=limits, sleep=self.sleep)

    def _account(
        self, connection: Connection, extra: dict[str, str], instance_id: str | None
    ) -> AmcAccount:
        instance_id = instance_id or extra.get("instance_id")
        if not instance_id:
            raise ConfigurationError(
                "no AMC instance is named: set instance_id of the task, or the extra instance_id "
                f"of connection {self.amc_conn_id!r}"
            )
        try:
            return AmcAccount(
                instance_id=instance_id,
                entity_id=extra["entity_id"],
                marketplace_id=marketplace_of(
                    extra.get("country_code"), extra.get("marketplace_id")
                ),
                endpoint=endpoint_at(connection, extra.get("region") or "NA"),
                client_id=connection.login or "",
            )
        except InvalidDefinition as err:
            raise ConfigurationError(f"connection {self.amc_conn_id!r}: {err.problem}") from err

    def test_connection(self) -> tuple[bool, str]:
        """Sign in and ask the connection's instance for as little as it gives."""

        async def ping() -> str:
            async with self.client() as amc:
                await amc.ping()
                return amc.account.instance_id

        try:
            instance_id = asyncio.run(ping())
        except PipelineError as err:
            return False, one_line(err)
        return True, f"Instance {instance_id} answers"

    def _extra(self, connection: Connection) -> dict[str, str]:
        """Return the extras; raises ConfigurationError, naming the fields that are missing."""
        extra = {name: str(one) for name, one in connection.extra_dejson.items() if one}
        missing = [name for name in _REQUIRED if not extra.get(name)]
        missing += [name for name in ("login", "password") if not getattr(connection, name)]
        if missing:
            raise ConfigurationError(f"connection {self.amc_conn_id!r} lacks {', '.join(missing)}")
        login = connection.login or ""
        if not (login.isascii() and login.isprintable() and login == login.strip()):
            # Not quoted: it may be the secret, put into the wrong place
            raise ConfigurationError(
                f"connection {self.amc_conn_id!r}: the login holds a blank at an end, or a "
                "character that no header may hold"
            )
        return extra
