"""The one use of a private part of Airflow's SMTP provider.

The provider's hook connects and signs in, but gives its client to nobody: its public methods send
a mail again after any error. ``smtp.py`` needs the client itself.
"""

from __future__ import annotations

import smtplib
from typing import cast

from airflow.providers.smtp.hooks.smtp import SmtpHook


class ConnectedSmtpHook(SmtpHook):
    """Airflow's hook, with the client it has signed in."""

    @property
    def is_connected(self) -> bool:
        """Whether there is a client, signed in or not."""
        return self._smtp_client is not None

    @property
    def client(self) -> smtplib.SMTP:
        """The client; only within ``with``."""
        return cast("smtplib.SMTP", self._smtp_client)
