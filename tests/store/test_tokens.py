"""Users' tokens: encrypted, renewed once for everybody, never lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from uuid import UUID

import psycopg2
import pytest
from cryptography.fernet import Fernet, MultiFernet
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.credentials import Tokens
from recomamp.errors import (
    ConfigurationError,
    ConsentRevoked,
    InvalidDefinition,
    RequestRejected,
    TransientError,
    is_final,
)
from recomamp.store.connections import Transactions
from recomamp.store.token_encryption import ACCESS, REFRESH, decrypt_token, encrypt_token
from recomamp.store.tokens import UserTokens

OLD, NEW = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
SOON = datetime.now(UTC) + timedelta(hours=1)

Renew = Callable[[Tokens], Awaitable[Tokens]]


@pytest.fixture
def user(rows: Rows) -> Row:
    return rows.user(encrypted_refresh_token=OLD.encrypt(b"Atzr|first").decode())


def store(database: Database, user: Row, *keys: Fernet) -> UserTokens:
    return tokens_of(lambda: psycopg2.connect(database.uri), user, *(keys or (OLD,)))


def tokens_of(connect: Callable[[], Connection], user: Row, *keys: Fernet) -> UserTokens:
    return UserTokens(connect, Transactions(connect).transaction, MultiFernet(keys), user["id"])


def renewing(calls: list[Tokens], **changes: object) -> Renew:
    async def renew(former: Tokens) -> Tokens:
        calls.append(former)
        await asyncio.sleep(0)
        values = {"access_token": "Atza|new", "refresh_token": "Atzr|first", "expires_at": SOON}
        return Tokens(**{**values, **changes})  # type: ignore[arg-type]

    return renew


def test_many_who_find_the_token_run_out_renew_it_once(database: Database, user: Row) -> None:
    calls: list[Tokens] = []

    async def run() -> list[Tokens]:
        # More than the event loop has threads: those who wait must leave the one who renews a way
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=2))
        stores = [store(database, user) for _ in range(6)]
        return await asyncio.gather(*(one.refresh(renewing(calls), None) for one in stores))

    tokens = asyncio.run(run())
    assert len(calls) == 1
    assert {token.access_token for token in tokens} == {"Atza|new"}


def test_tokens_lie_encrypted_in_the_row(database: Database, user: Row, rows: Rows) -> None:
    asyncio.run(store(database, user).refresh(renewing([]), None))
    row = rows.get("users", user)
    assert "Atza" not in row["encrypted_access_token"]
    assert json.loads(OLD.decrypt(row["encrypted_access_token"].encode())) == {
        "user_id": user["id"],
        "token": "access",
        "value": "Atza|new",
    }
    assert row["token_expires_at"] == SOON


def test_a_failed_renewal_leaves_the_row_as_it_was_and_unlocked(
    database: Database, user: Row, rows: Rows
) -> None:
    async def fail(former: Tokens) -> Tokens:
        raise TransientError("Amazon is away")

    with pytest.raises(TransientError):
        asyncio.run(store(database, user).refresh(fail, None))
    assert rows.get("users", user)["encrypted_refresh_token"] == user["encrypted_refresh_token"]
    calls: list[Tokens] = []
    asyncio.run(store(database, user).refresh(renewing(calls), None))
    assert len(calls) == 1


def test_a_token_that_amazon_refused_is_renewed_although_it_has_not_run_out(
    database: Database, user: Row
) -> None:
    asyncio.run(store(database, user).refresh(renewing([]), None))
    calls: list[Tokens] = []
    renewed = renewing(calls, access_token="Atza|newer")
    tokens = asyncio.run(store(database, user).refresh(renewed, "Atza|new"))
    assert tokens.access_token == "Atza|newer"
    again = asyncio.run(store(database, user).refresh(renewed, "Atza|new"))
    assert (again.access_token, len(calls)) == ("Atza|newer", 1)


@pytest.mark.parametrize(
    ("options", "lock_timeout_seconds"),
    [("", 0.05), ("-c statement_timeout=50", 30.0)],
    ids=["lock", "statement"],
)
def test_who_waits_too_long_for_the_refresh_of_another_may_try_later(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    user: Row,
    options: str,
    lock_timeout_seconds: float,
) -> None:
    monkeypatch.setattr("recomamp.store.tokens.LOCK_TIMEOUT_SECONDS", lock_timeout_seconds)
    calls: list[Tokens] = []
    waiting = tokens_of(lambda: psycopg2.connect(database.uri, options=options), user, OLD)
    slow = database.connect()
    with slow.cursor() as cursor:
        cursor.execute("SELECT id FROM users FOR NO KEY UPDATE")

    with pytest.raises(TransientError, match="another process has been renewing"):
        asyncio.run(waiting.refresh(renewing(calls), None))

    assert calls == []
    slow.rollback()
    assert asyncio.run(waiting.refresh(renewing(calls), None)).access_token == "Atza|new"


def test_a_caller_who_is_cancelled_twice_leaves_the_row_unlocked(
    database: Database, user: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is with a task that is cancelled, and once more when its event loop ends."""
    monkeypatch.setattr("recomamp.store.tokens.LOCK_TIMEOUT_SECONDS", 5.0)
    tokens, may_lock = store(database, user), Event()
    lock = tokens._lock

    async def cancel_twice() -> asyncio.Task[Tokens]:
        loop, has_begun = asyncio.get_running_loop(), asyncio.Event()

        def lock_later(connection: Connection) -> Tokens:
            loop.call_soon_threadsafe(has_begun.set)
            may_lock.wait()
            return lock(connection)

        monkeypatch.setattr(tokens, "_lock", lock_later)
        task = asyncio.create_task(tokens.refresh(renewing([]), None))
        await has_begun.wait()
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        may_lock.set()
        await asyncio.wait([task])
        return task

    cancelled = asyncio.run(cancel_twice())  # kept: a connection that nobody has is closed
    assert cancelled.cancelled()
    calls: list[Tokens] = []
    asyncio.run(store(database, user).refresh(renewing(calls), None))
    assert len(calls) == 1


def test_keys_rotate_newest_first(database: Database, user: Row, rows: Rows) -> None:
    tokens = asyncio.run(store(database, user, NEW, OLD).refresh(renewing([]), None))
    assert tokens.refresh_token == "Atzr|first"
    row = rows.get("users", user)
    assert json.loads(NEW.decrypt(row["encrypted_refresh_token"].encode()))["value"] == "Atzr|first"


def test_a_key_that_does_not_fit_names_the_setting_and_no_secret(
    database: Database, user: Row
) -> None:
    with pytest.raises(ConfigurationError, match="RECOMAMP_FERNET_KEY") as caught:
        asyncio.run(store(database, user, NEW).read())
    assert user["encrypted_refresh_token"] not in str(caught.value)


def renewed_row(database: Database, user: Row, rows: Rows) -> Row:
    asyncio.run(store(database, user).refresh(renewing([]), None))
    return rows.get("users", user)


TOKENS = ("encrypted_access_token", "encrypted_refresh_token")


@pytest.mark.parametrize("column", TOKENS)
def test_a_ciphertext_copied_to_another_users_row_is_refused(
    database: Database, user: Row, rows: Rows, column: str
) -> None:
    other = rows.user(encrypted_refresh_token=OLD.encrypt(b"Atzr|other").decode())
    renewed_row(database, other, rows)
    stolen = renewed_row(database, user, rows)[column]
    rows.update("users", other, **{column: stolen})
    ask = store(database, other)
    for read in (ask.read, lambda: ask.refresh(fail, None)):
        with pytest.raises(InvalidDefinition, match=rf"users\.{column}: .* another user") as caught:
            asyncio.run(read())
        assert "Atz" not in str(caught.value)
        assert is_final(caught.value)


@pytest.mark.parametrize(("column", "source"), [TOKENS, TOKENS[::-1]])
def test_a_ciphertext_copied_to_the_other_column_is_refused(
    database: Database, user: Row, rows: Rows, column: str, source: str
) -> None:
    row = renewed_row(database, user, rows)
    rows.update("users", user, **{column: row[source]})
    with pytest.raises(InvalidDefinition, match=rf"users\.{column}: .* another column"):
        asyncio.run(store(database, user).read())


@given(st.text())
def test_every_token_is_read_from_its_own_place_only(token: str) -> None:
    mine, other = UUID(int=1), UUID(int=2)
    text = encrypt_token(OLD, token, user_id=mine, column=REFRESH)
    assert decrypt_token(OLD, text, user_id=mine, column=REFRESH) == token
    for place in ({"user_id": other, "column": REFRESH}, {"user_id": mine, "column": ACCESS}):
        with pytest.raises(InvalidDefinition):
            decrypt_token(OLD, text, **place)


@given(st.text() | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_a_bare_token_is_never_taken_for_a_bound_one(text: str) -> None:
    sealed = OLD.encrypt(text.encode()).decode()
    if not text.startswith("{"):
        assert decrypt_token(OLD, sealed, user_id=UUID(int=1), column=REFRESH) == text
        return
    with pytest.raises(InvalidDefinition):
        decrypt_token(OLD, sealed, user_id=UUID(int=1), column=REFRESH)


def revoking(calls: list[Tokens]) -> Renew:
    async def renew(former: Tokens) -> Tokens:
        calls.append(former)
        await asyncio.sleep(0)
        raise ConsentRevoked("invalid_grant: User may have revoked")

    return renew


def test_a_refused_consent_is_remembered_and_amazon_is_asked_once_for_all(
    database: Database, user: Row, rows: Rows
) -> None:
    calls: list[Tokens] = []

    async def run() -> list[BaseException | Tokens]:
        stores = [store(database, user) for _ in range(6)]
        refreshed = (one.refresh(revoking(calls), None) for one in stores)
        return await asyncio.gather(*refreshed, return_exceptions=True)

    errors = asyncio.run(run())
    assert [type(error) for error in errors] == [ConsentRevoked] * 6
    assert len(calls) == 1
    row = rows.get("users", user)
    assert row["consent_error"] == "invalid_grant: User may have revoked"
    since = f"{row['consent_revoked_at'].astimezone(UTC):%F %T} UTC"
    for ask in (store(database, user).read, lambda: store(database, user).refresh(fail, None)):
        with pytest.raises(ConsentRevoked, match="has to sign in with Amazon again") as caught:
            asyncio.run(ask())
        assert since in str(caught.value)
    assert row["encrypted_refresh_token"] == user["encrypted_refresh_token"]


async def fail(former: Tokens) -> Tokens:
    raise AssertionError("Amazon was asked")


def test_a_new_consent_is_used_at_once(database: Database, user: Row, rows: Rows) -> None:
    with pytest.raises(ConsentRevoked):
        asyncio.run(store(database, user).refresh(revoking([]), None))
    rows.update("users", user, full_name="Ann B.", timezone="Europe/Berlin")
    assert rows.get("users", user)["consent_revoked_at"] is not None
    new_token = OLD.encrypt(b"Atzr|second").decode()
    row = rows.update("users", user, encrypted_refresh_token=new_token)
    assert (row["consent_revoked_at"], row["consent_error"]) == (None, None)
    calls: list[Tokens] = []
    asyncio.run(store(database, user).refresh(renewing(calls), None))
    assert [call.refresh_token for call in calls] == ["Atzr|second"]


def until_somebody_waits(database: Database) -> None:
    while not database.query("SELECT pid FROM pg_locks WHERE NOT granted"):
        pass


def test_a_consent_given_while_amazon_refuses_the_old_one_is_not_lost(
    database: Database, user: Row, rows: Rows
) -> None:
    new_token = OLD.encrypt(b"Atzr|second").decode()
    signing_in = Thread(
        target=rows.update, args=("users", user), kwargs={"encrypted_refresh_token": new_token}
    )

    async def refuse(former: Tokens) -> Tokens:
        signing_in.start()
        await asyncio.to_thread(until_somebody_waits, database)
        raise ConsentRevoked("invalid_grant")

    with pytest.raises(ConsentRevoked):
        asyncio.run(store(database, user).refresh(refuse, None))
    signing_in.join(timeout=10)
    row = rows.get("users", user)
    assert (row["encrypted_refresh_token"], row["consent_revoked_at"]) == (new_token, None)


@pytest.mark.parametrize(
    "error", [TransientError("away"), RequestRejected("403"), ConfigurationError("secret")]
)
def test_no_other_error_revokes_a_consent(
    database: Database, user: Row, rows: Rows, error: Exception
) -> None:
    async def renew(former: Tokens) -> Tokens:
        raise error

    with pytest.raises(type(error)):
        asyncio.run(store(database, user).refresh(renew, None))
    assert rows.get("users", user)["consent_revoked_at"] is None


def test_the_pipeline_may_remember_a_refused_consent_and_renew_the_next(
    database: Database, user: Row, rows: Rows
) -> None:
    tokens = tokens_of(lambda: database.connect("recomamp_pipeline"), user, OLD)
    with pytest.raises(ConsentRevoked):
        asyncio.run(tokens.refresh(revoking([]), None))
    rows.update("users", user, encrypted_refresh_token=OLD.encrypt(b"Atzr|second").decode())
    assert asyncio.run(tokens.refresh(renewing([]), None)).access_token == "Atza|new"
    assert rows.get("users", user)["consent_revoked_at"] is None


def test_users_see_whether_they_have_to_sign_in_again_and_cannot_say_otherwise(
    database: Database, user: Row, rows: Rows
) -> None:
    rows.update("users", rows.user(), consent_revoked_at=SOON, consent_error="somebody else's")
    with pytest.raises(ConsentRevoked):
        asyncio.run(store(database, user).refresh(revoking([]), None))
    connection = database.connect("recomamp_analyst", user["id"], autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT consent_error, consent_revoked_at IS NOT NULL FROM users")
        assert cursor.fetchall() == [("invalid_grant: User may have revoked", True)]
        for column in ("consent_revoked_at", "consent_error"):
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(f"UPDATE users SET {column} = NULL")


def test_a_user_who_never_signed_in_is_told_to(database: Database, rows: Rows) -> None:
    with pytest.raises(ConsentRevoked, match="not signed in"):
        asyncio.run(store(database, rows.user()).read())
