"""Encrypt all users' tokens with the newest key, bound to their user and column.

Run as a command, the database comes from ``AIRFLOW_CONN_RECOMAMP_DB`` or ``RECOMAMP_MIGRATE_URI``
and the keys, newest first, from ``RECOMAMP_FERNET_KEY`` or ``RECOMAMP_FERNET_KEY_FILE``.
Each user is one short transaction: the command may be stopped and run again at any time.
The exit status is

- 0 when the older keys can go;
- 1 when some rows were busy, and the older keys must stay until a second run;
- 2 when a setting is wrong or the database is away;
- 3 when the older keys can go, and no listed key opens the tokens of some users. They are named.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

import psycopg2
from cryptography.fernet import Fernet, MultiFernet
from psycopg2.errors import LockNotAvailable, QueryCanceled
from psycopg2.extensions import connection as Connection

from recomamp.errors import ConfigurationError, InvalidDefinition
from recomamp.store.connection_strings import open_named
from recomamp.store.statements import Row, execute_returning, fetch_all, fetch_one
from recomamp.store.token_encryption import (
    COLUMNS,
    decrypt_token,
    encrypt_token,
    is_bound,
    read_keys,
)

SETTINGS = ("AIRFLOW_CONN_RECOMAMP_DB", "RECOMAMP_MIGRATE_URI")
LOCK_TIMEOUT_SECONDS = 30.0  # as long as a renewal of the same tokens may take


class Outcome(Enum):
    """What became of a user's tokens; the value is how the report names it."""

    ROTATED = "re-encrypted"
    CURRENT = "already with the newest key"
    REVOKED = "left alone: consent withdrawn, Amazon no longer accepts the tokens"
    BUSY = "busy: another process holds them; run the command again"
    UNREADABLE = "unreadable: no listed key opens them; these users must sign in again"


@dataclass(kw_only=True, slots=True)
class Report:
    """How many users had which outcome, and what is wrong with unreadable tokens."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    problems: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many users' tokens may still need an older key. An unreadable one needs none."""
        return self.counts[Outcome.BUSY]

    @property
    def exit_status(self) -> int:
        """The exit status of the command."""
        if self.left:
            return 1
        return 3 if self.counts[Outcome.UNREADABLE] else 0

    def lines(self) -> list[str]:
        """Return the report, a line for each outcome and problem."""
        counts = [f"{number:6} {outcome.value}" for outcome, number in self.counts.items()]
        verdict = (
            "keep the older keys: some tokens are left" if self.left else "the older keys can go"
        )
        return [*self.problems, *counts, f"{self.left:6} left; {verdict}"]


def rotate_tokens(
    connection: Connection,
    keys: Sequence[Fernet],
    *,
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
) -> Report:
    """Re-encrypt the tokens of all users, one after another.

    A user whose consent is withdrawn is left alone: the tokens are never read again, and another
    ciphertext in the row would pass for another consent.
    """
    report = Report()
    with connection:
        users = [UUID(str(row["id"])) for row in fetch_all(connection, "select_users_with_tokens")]
    for user_id in users:
        try:
            with connection:
                outcome = _rotate(connection, keys, user_id, lock_timeout_seconds)
        except (LockNotAvailable, QueryCanceled):
            outcome = Outcome.BUSY
        except (InvalidDefinition, ConfigurationError) as err:
            outcome = Outcome.UNREADABLE
            report.problems.append(f"user {user_id}: {err}")
        report.counts[outcome] += 1
    return report


def _rotate(
    connection: Connection, keys: Sequence[Fernet], user_id: UUID, lock_timeout_seconds: float
) -> Outcome:
    milliseconds = round(lock_timeout_seconds * 1000)
    fetch_one(connection, "set_lock_timeout", milliseconds=milliseconds)
    row = fetch_one(connection, "lock_user_tokens", user_id=user_id)
    if row is None:
        return Outcome.CURRENT  # deleted meanwhile
    if row["consent_revoked_at"] is not None:
        return Outcome.REVOKED
    tokens = _decrypted(row, MultiFernet(keys), user_id)
    if all(is_bound(keys[0], row[column]) for column in tokens):
        return Outcome.CURRENT
    encrypted = {
        column: encrypt_token(keys[0], token, user_id=user_id, column=column)
        for column, token in tokens.items()
    }
    is_rotated = execute_returning(
        connection,
        "rotate_user_tokens",
        user_id=user_id,
        **{column: encrypted.get(column, row[column]) for column in COLUMNS},
        **{column.replace("encrypted", "old"): row[column] for column in COLUMNS},
    )
    return Outcome.ROTATED if is_rotated else Outcome.BUSY


def _decrypted(row: Row, fernet: MultiFernet, user_id: UUID) -> dict[str, str]:
    return {
        column: decrypt_token(fernet, row[column], user_id=user_id, column=column)
        for column in COLUMNS
        if row[column]
    }


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Rotate all tokens and print the report; return the exit status."""
    try:
        keys = read_keys(environment)
        connection = open_named(SETTINGS, environment)
    except ConfigurationError as err:
        return _fail(str(err))
    try:
        report = rotate_tokens(connection, keys)
    except psycopg2.Error as err:
        return _fail(f"stopped: {' '.join(str(err).split())}; run the command again")
    finally:
        connection.close()
    sys.stdout.write("".join(f"{line}\n" for line in report.lines()))
    return report.exit_status


def _fail(problem: str) -> int:
    sys.stderr.write(f"rotate_tokens: {problem}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
