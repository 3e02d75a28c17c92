"""The tenants: clients, consents, accounts and their AMC instances."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amc_emulator.engine.catalogue import load_catalogue

DATASETS = frozenset(table.dataset for table in load_catalogue().values() if table.dataset)
DEFAULT_TENANTS_FILE = Path(__file__).with_name("tenants.toml")


class InvalidTenantsFile(Exception):
    """The tenants file is malformed. The text names file and fault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """An AMC instance. `datasets` are the paid ones that it subscribes to."""

    instance_id: str
    name: str
    kind: str = "STANDARD"
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """An advertiser in one marketplace. Calls to the Ads API name it in their Scope header."""

    profile_id: int
    country: str
    currency: str
    time_zone: str
    kind: str
    owner: str
    marketplace_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DspAdvertiser:
    """An advertiser of the demand-side platform."""

    advertiser_id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An AMC account: the entity that requests name in the AdvertiserId header."""

    account_id: str
    name: str
    marketplace_id: str
    region: str
    instances: tuple[Instance, ...]
    profiles: tuple[Profile, ...] = ()
    dsp_advertisers: tuple[DspAdvertiser, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """The consent of one user: a refresh token and the accounts it reaches."""

    refresh_token: str
    accounts: tuple[str, ...]
    authorization_code: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenants:
    """All tenants that the emulator knows."""

    clients: dict[str, str]
    consents: tuple[Consent, ...]
    accounts: dict[str, Account]

    def owner_of(self, instance_id: str) -> Account | None:
        """Return the account an instance belongs to."""
        for account in self.accounts.values():
            if any(one.instance_id == instance_id for one in account.instances):
                return account
        return None

    def instance(self, instance_id: str) -> Instance | None:
        """Return the instance of that id."""
        account = self.owner_of(instance_id)
        if account is None:
            return None
        return next(one for one in account.instances if one.instance_id == instance_id)

    def datasets(self, instance_id: str) -> frozenset[str]:
        """Return the paid datasets of an instance: those it subscribes to, in a sandbox all."""
        instance = self.instance(instance_id)
        if instance is None:
            return frozenset()
        return DATASETS if instance.kind == "SANDBOX" else frozenset(instance.datasets)


def read_tenants(path: Path = DEFAULT_TENANTS_FILE) -> Tenants:
    """Read a tenants file.

    :raises InvalidTenantsFile: the file is missing, is not TOML, lacks a field, or names a dataset
        that no table belongs to.
    """
    try:
        return _tenants(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as err:
        raise InvalidTenantsFile(f"tenants file {path}: {err}") from err
    except (KeyError, TypeError) as err:
        raise InvalidTenantsFile(f"tenants file {path}: missing or wrong field {err}") from err


def _tenants(document: dict[str, Any]) -> Tenants:
    accounts = [_account(one) for one in document["accounts"]]
    return Tenants(
        clients={one["client_id"]: one["client_secret"] for one in document["clients"]},
        consents=tuple(
            Consent(
                refresh_token=one["refresh_token"],
                authorization_code=one.get("authorization_code"),
                accounts=tuple(one["accounts"]),
            )
            for one in document["consents"]
        ),
        accounts={one.account_id: one for one in accounts},
    )


def _account(row: dict[str, Any]) -> Account:
    return Account(
        account_id=row["account_id"],
        name=row["name"],
        marketplace_id=row["marketplace_id"],
        region=row["region"],
        instances=tuple(
            Instance(
                instance_id=one["instance_id"],
                name=one["name"],
                kind=one.get("type", "STANDARD"),
                datasets=_datasets(one.get("datasets", [])),
            )
            for one in row["instances"]
        ),
        profiles=tuple(
            Profile(
                **{name: value for name, value in one.items() if name != "type"}, kind=one["type"]
            )
            for one in row.get("profiles", [])
        ),
        dsp_advertisers=tuple(DspAdvertiser(**one) for one in row.get("dsp_advertisers", [])),
    )


def _datasets(names: list[str]) -> tuple[str, ...]:
    unknown = set(names) - DATASETS
    if unknown:
        raise KeyError(f"datasets: {', '.join(sorted(unknown))}")
    return tuple(names)
