"""Whose instance the smoke run asks: from the environment alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from recomamp.amazon.amc.account import AmcAccount
from recomamp.amazon.regions import Endpoint, endpoint_of, marketplace_of
from recomamp.domain.credentials import ClientCredentials

_REQUIRED = (
    "RECOMAMP_LIVE_CLIENT_ID",
    "RECOMAMP_LIVE_CLIENT_SECRET",
    "RECOMAMP_LIVE_REFRESH_TOKEN",
    "RECOMAMP_LIVE_INSTANCE_ID",
    "RECOMAMP_LIVE_ENTITY_ID",
)


class MissingSettingsError(Exception):
    """The environment does not say which instance to ask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveSettings:
    """An instance of AMC and the login that reaches it. No text of it shows a secret."""

    account: AmcAccount
    credentials: ClientCredentials
    refresh_token: str = field(repr=False)


def read_settings(environment: Mapping[str, str]) -> LiveSettings:
    """Read the settings.

    :raises MissingSettingsError: naming all that are missing.
    :raises InvalidDefinition: when the region is unknown, or the country.
    """

    def value(name: str) -> str:
        return environment.get(name, "").strip()

    if missing := [name for name in _REQUIRED if not value(name)]:
        raise MissingSettingsError(f"set {', '.join(missing)}")
    client_id, secret, refresh_token, instance_id, entity_id = map(value, _REQUIRED)
    region = endpoint_of(value("RECOMAMP_LIVE_REGION") or "NA")
    country, marketplace_id = value("RECOMAMP_LIVE_COUNTRY"), value("RECOMAMP_LIVE_MARKETPLACE_ID")
    return LiveSettings(
        account=AmcAccount(
            instance_id=instance_id,
            entity_id=entity_id,
            marketplace_id=marketplace_of(country, marketplace_id),
            endpoint=Endpoint(
                api_url=value("RECOMAMP_LIVE_API_URL") or region.api_url,
                token_url=value("RECOMAMP_LIVE_TOKEN_URL") or region.token_url,
            ),
            client_id=client_id,
        ),
        credentials=ClientCredentials(client_id=client_id, client_secret=secret),
        refresh_token=refresh_token,
    )
