"""Users' tokens: encrypted, renewed once for everybody, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from cryptography.fernet import Fernet, MultiFernet

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.credentials import Tokens
from recomamp.domain.errors import ConsentRevoked, MissingSetting, Transient
from recomamp.store.tokens import UserTokens

OLD, NEW = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
SOON = datetime.now(UTC) + timedelta(hours=1)

Renew = Callable[[Tokens], Awaitable[Tokens]]


@pytest.fixture
def user(rows: Rows) -> Row:
    return rows.user(encrypted_refresh_token=OLD.encrypt(b"Atzr|first").decode())


def store(database: Database, user: Row, *keys: Fernet) -> UserTokens:
    fernet = MultiFernet(keys or (OLD,))
    return UserTokens(lambda: psycopg2.connect(database.uri), fernet, user["id"])


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
        stores = [store(database, user) for _ in range(40)]  # more than there are threads
        return await asyncio.gather(*(one.refresh(renewing(calls), None) for one in stores))

    tokens = asyncio.run(run())
    assert len(calls) == 1
    assert {token.access_token for token in tokens} == {"Atza|new"}


def test_tokens_lie_encrypted_in_the_row(database: Database, user: Row, rows: Rows) -> None:
    asyncio.run(store(database, user).refresh(renewing([]), None))
    row = rows.get("users", user)
    assert "Atza" not in row["encrypted_access_token"]
    assert OLD.decrypt(row["encrypted_access_token"].encode()) == b"Atza|new"
    assert row["token_expires_at"] == SOON


def test_a_failed_renewal_leaves_the_row_as_it_was_and_unlocked(
    database: Database, user: Row, rows: Rows
) -> None:
    async def fail(former: Tokens) -> Tokens:
        raise Transient("Amazon is away")

    with pytest.raises(Transient):
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


def test_keys_rotate_newest_first(database: Database, user: Row, rows: Rows) -> None:
    tokens = asyncio.run(store(database, user, NEW, OLD).refresh(renewing([]), None))
    assert tokens.refresh_token == "Atzr|first"
    row = rows.get("users", user)
    assert NEW.decrypt(row["encrypted_refresh_token"].encode()) == b"Atzr|first"


def test_a_key_that_does_not_fit_names_the_setting_and_no_secret(
    database: Database, user: Row
) -> None:
    with pytest.raises(MissingSetting, match="RECOMAMP_FERNET_KEY") as caught:
        asyncio.run(store(database, user, NEW).read())
    assert user["encrypted_refresh_token"] not in str(caught.value)


def test_a_user_who_never_signed_in_is_told_to(database: Database, rows: Rows) -> None:
    with pytest.raises(ConsentRevoked, match="not signed in"):
        asyncio.run(store(database, rows.user()).read())
