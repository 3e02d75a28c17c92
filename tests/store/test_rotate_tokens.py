"""One command encrypts all tokens with the newest key, and says when the older ones can go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest
from cryptography.fernet import Fernet, MultiFernet

from fixtures.postgres import Database, Row, Rows
from recomamp.store.connections import Transactions
from recomamp.store.rotate_tokens import Outcome, main, rotate_tokens
from recomamp.store.token_encryption import ACCESS, REFRESH, decrypt_token, encrypt_token
from recomamp.store.tokens import UserTokens

TEXTS = {name: Fernet.generate_key().decode() for name in ("old", "new", "lost")}
OLD, NEW, LOST = (Fernet(text) for text in TEXTS.values())
KEYS = [NEW, OLD]


def bare(key: Fernet, token: str) -> str:
    return key.encrypt(token.encode()).decode()


def signed_in(rows: Rows, key: Fernet = OLD, **columns: object) -> Row:
    tokens = {ACCESS: bare(key, "Atza|a"), REFRESH: bare(key, "Atzr|r")}
    return rows.user(**(tokens | columns))


def rotate(database: Database, keys: list[Fernet] = KEYS) -> dict[Outcome, int]:
    connection = database.connect("recomamp_pipeline")
    report = rotate_tokens(connection, keys, lock_timeout_seconds=0.05)
    connection.close()
    return {outcome: number for outcome, number in report.counts.items() if number}


def tokens(rows: Rows, user: Row, key: Fernet) -> list[str]:
    row = rows.get("users", user)
    return [
        decrypt_token(key, row[column], user_id=user["id"], column=column)
        for column in (ACCESS, REFRESH)
    ]


def environment(database: Database, *names: str) -> dict[str, str]:
    keys = ",".join(TEXTS[name] for name in names or ("new", "old"))
    return {"AIRFLOW_CONN_RECOMAMP_DB": database.uri, "RECOMAMP_FERNET_KEY": keys}


def test_tokens_are_encrypted_with_the_newest_key_and_bound(database: Database, rows: Rows) -> None:
    user, other = signed_in(rows), signed_in(rows, NEW)
    rows.user()  # who never signed in

    assert rotate(database) == {Outcome.ROTATED: 2}

    assert tokens(rows, user, NEW) == ["Atza|a", "Atzr|r"]
    rows.update("users", other, **{REFRESH: rows.get("users", user)[REFRESH]})
    assert rotate(database) == {Outcome.CURRENT: 1, Outcome.UNREADABLE: 1}


def test_a_second_time_nothing_changes(database: Database, rows: Rows) -> None:
    user = signed_in(rows)
    rotate(database)
    before = rows.get("users", user)

    assert rotate(database) == {Outcome.CURRENT: 1}
    assert rows.get("users", user) == before


def test_a_token_that_was_bound_with_an_old_key_is_rotated(database: Database, rows: Rows) -> None:
    user = rows.user()
    sealed = encrypt_token(OLD, "Atzr|r", user_id=user["id"], column=REFRESH)
    rows.update("users", user, **{REFRESH: sealed})

    assert rotate(database) == {Outcome.ROTATED: 1}

    row = rows.get("users", user)
    assert (row[ACCESS], row["token_expires_at"]) == (None, None)
    assert decrypt_token(NEW, row[REFRESH], user_id=user["id"], column=REFRESH) == "Atzr|r"


def test_a_withdrawn_consent_stays_withdrawn(database: Database, rows: Rows) -> None:
    user = signed_in(rows, consent_revoked_at=datetime.now(UTC), consent_error="invalid_grant")
    before = rows.get("users", user)
    queued = database.query("SELECT * FROM notifications")

    assert rotate(database) == {Outcome.REVOKED: 1}

    assert rows.get("users", user) == before
    assert database.query("SELECT * FROM notifications") == queued


def test_tokens_that_no_key_opens_are_named_and_keep_no_older_key(
    database: Database, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    user, unreadable = signed_in(rows), signed_in(rows, LOST)

    assert main(environment(database)) == 3

    report = capsys.readouterr().out
    assert "     1 re-encrypted" in report
    assert "     1 unreadable: no listed key opens them; these users must sign in again" in report
    assert "     0 left; the older keys can go" in report
    assert f"user {unreadable['id']}: users.encrypted_access_token" in report
    assert "RECOMAMP_FERNET_KEY" in report
    assert str(user["id"]) not in report
    assert "Atz" not in report
    assert rows.get("users", unreadable)[REFRESH] == unreadable[REFRESH]
    assert main(environment(database, "new")) == 3


def test_when_nothing_is_left_the_old_key_can_go(
    database: Database, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    user = signed_in(rows)

    assert main(environment(database)) == 0
    assert "     0 left; the older keys can go" in capsys.readouterr().out

    assert main(environment(database, "new")) == 0
    assert tokens(rows, user, NEW) == ["Atza|a", "Atzr|r"]


def test_a_user_whose_tokens_are_being_renewed_is_counted_and_the_others_are_done(
    database: Database, rows: Rows
) -> None:
    busy, other = signed_in(rows), signed_in(rows)
    renewing = database.connect()
    with renewing.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [busy["id"]])

    assert rotate(database) == {Outcome.BUSY: 1, Outcome.ROTATED: 1}

    renewing.rollback()
    assert rotate(database) == {Outcome.ROTATED: 1, Outcome.CURRENT: 1}
    assert tokens(rows, other, NEW) == ["Atza|a", "Atzr|r"]


def test_while_rows_are_busy_the_older_keys_stay(
    database: Database,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    busy = signed_in(rows)
    signed_in(rows, LOST)
    renewing = database.connect()
    with renewing.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [busy["id"]])
    monkeypatch.setattr(
        "recomamp.store.rotate_tokens.rotate_tokens",
        partial(rotate_tokens, lock_timeout_seconds=0.05),
    )

    assert main(environment(database)) == 1
    assert "     1 left; keep the older keys" in capsys.readouterr().out

    renewing.rollback()
    assert main(environment(database)) == 3


def test_a_command_that_was_stopped_goes_on(
    database: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        signed_in(rows)
    module = "recomamp.store.rotate_tokens"
    count = 0

    def stop_at_the_second(*arguments: object, **options: object) -> str:
        nonlocal count
        count += 1
        if count == 3:  # each user has two
            raise KeyboardInterrupt
        return encrypt_token(*arguments, **options)

    monkeypatch.setattr(f"{module}.encrypt_token", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        rotate(database)
    monkeypatch.undo()

    assert rotate(database) == {Outcome.CURRENT: 1, Outcome.ROTATED: 2}


@pytest.mark.parametrize("missing", ["AIRFLOW_CONN_RECOMAMP_DB", "RECOMAMP_FERNET_KEY"])
def test_a_missing_setting_is_named(
    database: Database, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    assert main(environment(database) | {missing: ""}) == 2
    assert missing in capsys.readouterr().err


@pytest.mark.parametrize("uri", ["mysql://h/d", "postgresql://u:pa55@127.0.0.1:1/d"])
@pytest.mark.parametrize("name", ["AIRFLOW_CONN_RECOMAMP_DB", "RECOMAMP_MIGRATE_URI"])
def test_a_connection_that_does_not_open_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], name: str, uri: str
) -> None:
    assert main({name: uri, "RECOMAMP_FERNET_KEY": TEXTS["new"]}) == 2

    said = capsys.readouterr().err
    assert said.startswith(f"rotate_tokens: {name}: ")
    assert said.count("\n") == 1
    assert "pa55" not in said


def test_rotated_tokens_are_those_that_the_pipeline_reads(database: Database, rows: Rows) -> None:
    user = signed_in(rows)
    rotate(database)

    transaction = Transactions(database.connect).transaction
    stored = UserTokens(database.connect, transaction, MultiFernet([NEW]), user["id"])
    assert asyncio.run(stored.read()).refresh_token == "Atzr|r"
