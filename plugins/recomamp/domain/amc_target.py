"""Whose instance is asked, and where."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class AmcTarget:
    """The columns that say which instance is asked, in whose name and at which address."""

    instance_key: UUID  # of the row of ``amc_instances``
    instance_id: str  # AMC's own string
    user_id: UUID  # in whose name Amazon is asked
    entity_id: str  # ``amc_accounts.account_id``
    region: str | None  # ``amc_instances.region``
    country_code: str | None  # ``amc_accounts.country_code``
    marketplace_id: str | None  # ``amc_accounts.marketplace_id``
