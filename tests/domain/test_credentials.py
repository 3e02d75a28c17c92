"""When an access token is still sent, and that no secret is in a text about credentials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from recomamp.domain.credentials import ClientCredentials, Tokens

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)


def tokens(access_token: str | None, valid_for: timedelta | None) -> Tokens:
    expires_at = None if valid_for is None else NOW + valid_for
    return Tokens(access_token=access_token, refresh_token="Atzr|secret", expires_at=expires_at)


@pytest.mark.parametrize(
    ("access_token", "valid_for", "usable"),
    [
        ("a", timedelta(minutes=5), True),
        ("a", timedelta(minutes=4, seconds=59), False),
        ("bad", timedelta(hours=1), False),
        ("a", None, False),
        (None, timedelta(hours=1), False),
        (None, None, False),
    ],
    ids=["five minutes left", "less left", "stale", "no expiry", "no token", "never used"],
)
def test_an_access_token_is_used_only_while_five_minutes_are_left(
    access_token: str | None, valid_for: timedelta | None, usable: bool
) -> None:
    assert tokens(access_token, valid_for).usable(NOW, stale="bad") is usable
    assert tokens("bad", timedelta(hours=1)).usable(NOW)


def test_secrets_are_not_in_any_repr() -> None:
    client = ClientCredentials(client_id="amzn1.app", client_secret="hidden")
    shown = repr(client) + repr(tokens("Atza|secret", None))
    assert "amzn1.app" in shown
    assert "hidden" not in shown
    assert "Atz" not in shown
