"""Whose instance is asked, and where."""

from __future__ import annotations

from dataclasses import dataclass

from recomamp.amazon.regions import Endpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class AmcAccount:
    """What every call to one AMC instance says about itself.

    ``instance_id`` is AMC's own string (never the row's UUID), ``entity_id`` is
    ``amc_accounts.account_id``, ``client_id`` names the Login with Amazon application.
    """

    instance_id: str
    entity_id: str
    marketplace_id: str
    endpoint: Endpoint
    client_id: str
