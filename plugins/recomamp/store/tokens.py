"""Users' tokens, encrypted at rest and bound to their user; renewed by one process for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cryptography.fernet import MultiFernet
from psycopg2.errors import LockNotAvailable, QueryCanceled
from psycopg2.extensions import connection as Connection

from recomamp.domain.credentials import Tokens
from recomamp.errors import ConsentRevoked, TransientError
from recomamp.store.statements import Row, execute_returning, fetch_one
from recomamp.store.token_encryption import ACCESS, REFRESH, decrypt_token, encrypt_token

# Shorter than any statement may take, so that waiting for somebody else's refresh differs from a
# database that is slow
LOCK_TIMEOUT_SECONDS = 30.0


class UserTokens:
    """The stored tokens of one user (``recomamp.amazon.auth.TokenStore``).

    The row stays locked while Amazon is asked. Many processes may find that the access token has
    expired: one of them renews it, and the others read what it stored. Database calls run in a
    thread: the event loop serves other executions meanwhile.

    A consent that Amazon has refused is remembered in the row, and Amazon is not asked again until
    the application stores another refresh token.

    :param connect: opens a connection of its own, on which the row stays locked.
    :param transaction: gives a connection for one transaction, which may be one that is kept.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        transaction: Callable[[], AbstractContextManager[Connection]],
        fernet: MultiFernet,
        user_id: UUID,
    ) -> None:
        self._connect = connect
        self._transaction = transaction
        self._fernet = fernet
        self._user_id = user_id

    async def read(self) -> Tokens:
        """Return the stored tokens.

        :raises ConsentRevoked: when the user never signed in with Amazon, or has to do so again.
        :raises InvalidDefinition: when a ciphertext belongs to another user or column.
        :raises ConfigurationError: when no key fits.
        """
        return await asyncio.to_thread(self._read)

    async def refresh(
        self, renew: Callable[[Tokens], Awaitable[Tokens]], stale: str | None
    ) -> Tokens:
        """Return usable tokens, renewed by at most one caller at a time.

        :raises ConsentRevoked: as ``read`` does, without a call to ``renew``.
        :raises TransientError: when somebody else's refresh takes too long.
        """
        with _own_thread() as run:
            connection = await run(self._connect)
            try:
                tokens: Tokens = await run(self._lock, connection)
                if tokens.usable(datetime.now(UTC), stale=stale):
                    return tokens
                try:
                    renewed = await renew(tokens)
                except ConsentRevoked as err:
                    # Under the lock: others who wait for it find the answer instead of asking too
                    await run(self._revoke, connection, str(err))
                    raise
                await run(self._store, connection, renewed)
                return renewed
            finally:
                # An open transaction is rolled back. A caller who is cancelled twice would take the
                # call out of the thread's queue, and the row would stay locked
                await asyncio.shield(run(connection.close))

    def _read(self) -> Tokens:
        with self._transaction() as connection:
            return self._select(connection, "select_user_tokens")

    def _lock(self, connection: Connection) -> Tokens:
        """Read the tokens and hold their row until the transaction ends."""
        milliseconds = round(LOCK_TIMEOUT_SECONDS * 1000)
        fetch_one(connection, "set_lock_timeout", milliseconds=milliseconds)
        try:
            return self._select(connection, "lock_user_tokens")
        except (LockNotAvailable, QueryCanceled) as err:
            raise TransientError(
                f"user {self._user_id}: another process has been renewing the access token for "
                f"more than {LOCK_TIMEOUT_SECONDS:g} seconds; try again later"
            ) from err

    def _select(self, connection: Connection, statement: str) -> Tokens:
        row = fetch_one(connection, statement, user_id=self._user_id)
        if row is None or not row["encrypted_refresh_token"]:
            raise ConsentRevoked(
                f"users.encrypted_refresh_token: user {self._user_id} has not signed in with Amazon"
            )
        if row["consent_revoked_at"] is not None:
            raise ConsentRevoked(
                f"user {self._user_id} has to sign in with Amazon again: Amazon no longer accepts "
                f"the consent, known since {row['consent_revoked_at'].astimezone(UTC):%F %T} UTC"
            )
        return Tokens(
            access_token=self._decrypt(row, ACCESS),
            refresh_token=self._decrypt(row, REFRESH) or "",
            expires_at=row["token_expires_at"],
        )

    def _decrypt(self, row: Row, column: str) -> str | None:
        if not row[column]:
            return None
        return decrypt_token(self._fernet, row[column], user_id=self._user_id, column=column)

    def _store(self, connection: Connection, tokens: Tokens) -> None:
        execute_returning(
            connection,
            "update_user_tokens",
            user_id=self._user_id,
            encrypted_access_token=self._encrypt(tokens.access_token or "", ACCESS),
            encrypted_refresh_token=self._encrypt(tokens.refresh_token, REFRESH),
            token_expires_at=tokens.expires_at,
        )
        connection.commit()

    def _revoke(self, connection: Connection, error: str) -> None:
        execute_returning(
            connection,
            "revoke_user_consent",
            user_id=self._user_id,
            consent_revoked_at=datetime.now(UTC),
            consent_error=error,
        )
        connection.commit()

    def _encrypt(self, token: str, column: str) -> str:
        return encrypt_token(self._fernet, token, user_id=self._user_id, column=column)


@contextmanager
def _own_thread() -> Iterator[Callable[..., Awaitable[Any]]]:
    """Give what runs functions in a thread of its own.

    The event loop's threads are few. Were they all to wait for a lock, none would be left for the
    one who holds it.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokens")
    loop = asyncio.get_running_loop()

    def run(function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        return loop.run_in_executor(thread, copy_context().run, function, *arguments)

    try:
        yield run
    finally:
        thread.shutdown(wait=False)
