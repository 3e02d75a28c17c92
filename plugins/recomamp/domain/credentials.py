"""Secrets in memory. Their ``repr`` shows none of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

RENEWAL_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientCredentials:
    """The Login with Amazon application that the pipeline acts as.

    ``connection`` is the variable or connection that holds them, for messages.
    """

    client_id: str
    client_secret: str = field(repr=False)
    connection: str = "AIRFLOW_CONN_AMAZON_ADS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """One user's consent: what is sent with calls, and what renews it.

    ``access_token`` and ``expires_at`` are None for a consent that was never used.
    """

    access_token: str | None = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime | None

    def usable(self, now: datetime, *, stale: str | None = None) -> bool:
        """Return whether the access token may be sent: long enough to live, and not ``stale``.

        ``stale`` is the access token that the caller knows to be no good, None for none.
        """
        if self.access_token is None or self.expires_at is None or self.access_token == stale:
            return False
        return self.expires_at - now >= RENEWAL_MARGIN
