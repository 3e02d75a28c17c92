"""How a user's tokens are encrypted: bound to the user and to the column.

The plaintext is a JSON object: ``{"user_id": …, "token": "refresh", "value": …}``. A ciphertext is
refused that was copied to another user's row, or to the other column.

The application may encrypt the bare token. Such a ciphertext is read until the pipeline renews or
rotates it. The two forms cannot be confused: an object begins with "{", and no token of Amazon's
does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from recomamp.errors import ConfigurationError, InvalidDefinition, TokensUnreadable

ACCESS, REFRESH = "encrypted_access_token", "encrypted_refresh_token"
COLUMNS = (ACCESS, REFRESH)

_TOKENS = {ACCESS: "access", REFRESH: "refresh"}
_NO_KEYS = "RECOMAMP_FERNET_KEY must hold the key, or comma-separated keys, of the users' tokens"
_SIGN_IN = "the user has to sign in with Amazon again"


def read_keys(environment: Mapping[str, str]) -> list[Fernet]:
    """Read the comma-separated keys of RECOMAMP_FERNET_KEY, newest first.

    RECOMAMP_FERNET_KEY_FILE may name a file that holds them instead.

    :raises ConfigurationError: when there is none, or one is not a Fernet key.
    """
    try:
        keys = [Fernet(key.strip()) for key in _key_text(environment).split(",") if key.strip()]
    except ValueError as err:
        raise ConfigurationError(_NO_KEYS) from err
    if not keys:
        raise ConfigurationError(_NO_KEYS)
    return keys


def _key_text(environment: Mapping[str, str]) -> str:
    text = environment.get("RECOMAMP_FERNET_KEY", "")
    path = environment.get("RECOMAMP_FERNET_KEY_FILE", "")
    if text or not path:
        return text
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(
            f"RECOMAMP_FERNET_KEY_FILE: {path} cannot be read: {type(err).__name__}"
        ) from err


def encrypt_token(fernet: Fernet | MultiFernet, token: str, *, user_id: UUID, column: str) -> str:
    """Encrypt a token so that it can be read from this column of this user only."""
    document = {"user_id": str(user_id), "token": _TOKENS[column], "value": token}
    return fernet.encrypt(json.dumps(document).encode()).decode()


def decrypt_token(
    fernet: Fernet | MultiFernet, ciphertext: str, *, user_id: UUID, column: str
) -> str:
    """Return the token that a column of a user's row holds.

    :raises TokensUnreadable: when no key fits.
    :raises InvalidDefinition: when the ciphertext belongs to another user or column.
    """
    text = _decrypt(fernet, ciphertext, user_id, column)
    return _value(text, user_id, column) if text.startswith("{") else text


def is_bound(fernet: Fernet, ciphertext: str) -> bool:
    """Return whether this key fits, and the ciphertext is bound to a user and a column."""
    try:
        return fernet.decrypt(ciphertext.encode()).startswith(b"{")
    except (InvalidToken, UnicodeError):
        return False


def _decrypt(fernet: Fernet | MultiFernet, ciphertext: str, user_id: UUID, column: str) -> str:
    try:
        return fernet.decrypt(ciphertext.encode()).decode()
    except (InvalidToken, UnicodeError) as err:
        raise TokensUnreadable(
            f"users.{column} of user {user_id} was not encrypted with any key of "
            f"RECOMAMP_FERNET_KEY; add the key it was encrypted with, or {_SIGN_IN}"
        ) from err


def _value(text: str, user_id: UUID, column: str) -> str:
    try:
        document = json.loads(text)
        owner, token, value = document["user_id"], document["token"], document["value"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _refused("the ciphertext holds no token", user_id, column) from None
    if owner != str(user_id):
        raise _refused("the ciphertext belongs to another user", user_id, column)
    if token != _TOKENS[column] or not isinstance(value, str):
        raise _refused("the ciphertext belongs to another column", user_id, column)
    return value


def _refused(problem: str, user_id: UUID, column: str) -> InvalidDefinition:
    return InvalidDefinition(
        f"{problem}; {_SIGN_IN}", table="users", column=column, key=str(user_id)
    )
