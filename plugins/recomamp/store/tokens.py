"""Users' tokens, encrypted at rest; renewed by one process for all."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID
from weakref import WeakKeyDictionary

from cryptography.fernet import InvalidToken, MultiFernet
from psycopg2.extensions import connection as Connection

from recomamp.domain.credentials import Tokens
from recomamp.domain.errors import ConsentRevoked, MissingSetting
from recomamp.store.statements import Row, changed, fetch_one

_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, defaultdict[UUID, asyncio.Lock]] = (
    WeakKeyDictionary()
)


def _locks_here() -> defaultdict[UUID, asyncio.Lock]:
    """Return the locks of this event loop, one for each user."""
    return _locks.setdefault(asyncio.get_running_loop(), defaultdict(asyncio.Lock))


class UserTokens:
    """The stored tokens of one user (``recomamp.amazon.auth.TokenStore``).

    The row stays locked while Amazon is asked, so that however many processes find the access
    token run out, one of them renews it and the others take what it stored. Database calls run
    in a thread: the event loop serves other executions meanwhile.

    :param connect: opens a connection of its own for every use.
    """

    def __init__(
        self, connect: Callable[[], Connection], fernet: MultiFernet, user_id: UUID
    ) -> None:
        self._connect = connect
        self._fernet = fernet
        self._user_id = user_id

    async def read(self) -> Tokens:
        """Return the stored tokens.

        :raises ConsentRevoked: when the user never signed in with Amazon.
        """
        return await asyncio.to_thread(self._read)

    async def refresh(
        self, renew: Callable[[Tokens], Awaitable[Tokens]], stale: str | None
    ) -> Tokens:
        """Return usable tokens, renewed by at most one caller at a time."""
        # One of this process at a time: those who wait for the row would hold the threads that the
        # one who has it needs to store what it got
        async with _locks_here()[self._user_id]:
            return await self._refresh(renew, stale)

    async def _refresh(
        self, renew: Callable[[Tokens], Awaitable[Tokens]], stale: str | None
    ) -> Tokens:
        connection = await asyncio.to_thread(self._connect)
        try:
            tokens = await asyncio.to_thread(self._select, connection, "lock_user_tokens")
            if not tokens.usable(datetime.now(UTC), stale=stale):
                tokens = await renew(tokens)
                await asyncio.to_thread(self._store, connection, tokens)
            return tokens
        finally:
            await asyncio.to_thread(connection.close)  # an open transaction is rolled back

    def _read(self) -> Tokens:
        connection = self._connect()
        try:
            return self._select(connection, "select_user_tokens")
        finally:
            connection.close()

    def _select(self, connection: Connection, statement: str) -> Tokens:
        row = fetch_one(connection, statement, user_id=self._user_id)
        if row is None or not row["encrypted_refresh_token"]:
            raise ConsentRevoked(
                f"users.encrypted_refresh_token: user {self._user_id} has not signed in with Amazon"
            )
        return Tokens(
            access_token=self._decrypt(row, "encrypted_access_token"),
            refresh_token=self._decrypt(row, "encrypted_refresh_token") or "",
            expires_at=row["token_expires_at"],
        )

    def _decrypt(self, row: Row, column: str) -> str | None:
        if row[column] is None:
            return None
        try:
            return self._fernet.decrypt(row[column].encode()).decode()
        except InvalidToken as err:
            raise MissingSetting(
                f"users.{column} of user {self._user_id} was not encrypted with any key of "
                "RECOMAMP_FERNET_KEY; add the key it was encrypted with"
            ) from err

    def _store(self, connection: Connection, tokens: Tokens) -> None:
        changed(
            connection,
            "update_user_tokens",
            user_id=self._user_id,
            encrypted_access_token=self._encrypt(tokens.access_token or ""),
            encrypted_refresh_token=self._encrypt(tokens.refresh_token),
            token_expires_at=tokens.expires_at,
        )
        connection.commit()

    def _encrypt(self, token: str) -> str:
        return self._fernet.encrypt(token.encode()).decode()
