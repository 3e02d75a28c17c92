"""Where Amazon listens: region to hosts, country to marketplace."""

from __future__ import annotations

from dataclasses import dataclass

from recomamp.errors import InvalidDefinition


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """The two base addresses that serve one region: the Ads API and Login with Amazon."""

    api_url: str
    token_url: str


_ENDPOINTS = {
    area: Endpoint(api_url=f"https://{api}", token_url=f"https://{login}/auth/o2/token")
    for area, api, login in (
        ("NA", "advertising-api.amazon.com", "api.amazon.com"),
        ("EU", "advertising-api-eu.amazon.com", "api.amazon.co.uk"),
        ("FE", "advertising-api-fe.amazon.com", "api.amazon.co.jp"),
    )
}

# Any of the three hosts serves every AMC instance and tokens are global, so a debatable entry
# costs distance only. us-west-2 is where Amazon Ads runs its Far East endpoint.
_AWS_REGIONS = {
    "NA": ("us-east-1", "us-east-2", "us-west-1", "ca-central-1", "ca-west-1", "sa-east-1"),
    "EU": (
        *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2"),
        *("eu-north-1", "eu-south-1", "eu-south-2"),
        *("me-south-1", "me-central-1", "il-central-1", "af-south-1"),
    ),
    "FE": (
        *("us-west-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
        *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-south-1", "ap-south-2"),
        "ap-east-1",
    ),
}

_AREAS = {area.lower(): area for area in _ENDPOINTS} | {
    region: area for area, regions in _AWS_REGIONS.items() for region in regions
}

# Amazon's list of marketplaces: developer-docs.amazon.com/sp-api/docs/marketplace-ids
_MARKETPLACES = {
    "US": "ATVPDKIKX0DER",
    "CA": "A2EUQ1WTGCTBG2",
    "MX": "A1AM78C64UM0Y8",
    "BR": "A2Q3Y263D00KWC",
    "UK": "A1F83G8C2ARO7P",
    "GB": "A1F83G8C2ARO7P",
    "IE": "A28R8C7NBKEWEA",
    "DE": "A1PA6795UKMFR9",
    "FR": "A13V1IB3VIYZZH",
    "IT": "APJ6JRA9NG5V4",
    "ES": "A1RKKUPIHCS9HS",
    "NL": "A1805IZSGTT6HS",
    "BE": "AMEN7PMS3EDWL",
    "SE": "A2NODRKZP88ZB9",
    "PL": "A1C3SOZRARQ6R3",
    "TR": "A33AVAJ2PDY3EV",
    "AE": "A2VIGQ35RCS4UG",
    "SA": "A17E79C6D8DWNP",
    "EG": "ARBP9OOSHTCHU",
    "ZA": "AE08WJ6YKNBMC",
    "JP": "A1VC38T7YXB528",
    "AU": "A39IBJ37TRP1C6",
    "SG": "A19VAU5U5O7RUS",
    "IN": "A21TJRUUN4KGV",
}
_DEFAULT_COUNTRY = "US"  # of the column, too


def endpoint_of(region: str) -> Endpoint:
    """Find the hosts for ``amc_instances.region``: an AWS region, or NA, EU or FE.

    :raises InvalidDefinition: when the region is not known.
    """
    try:
        return _ENDPOINTS[_AREAS[region.strip().lower()]]
    except KeyError as err:
        known = ", ".join((*_ENDPOINTS, *(name for name in _AREAS if "-" in name)))
        raise InvalidDefinition(
            f"unknown region {region!r}; known are {known}", table="amc_instances", column="region"
        ) from err


def marketplace_of(country_code: str | None, marketplace_id: str | None = None) -> str:
    """Return the marketplace id of a row of ``amc_accounts``: its own, else that of its country.

    :raises InvalidDefinition: when it names none, and none is known here for its country.
    """
    if marketplace_id:
        return marketplace_id
    country = (country_code or _DEFAULT_COUNTRY).strip().upper()
    try:
        return _MARKETPLACES[country]
    except KeyError as err:
        raise InvalidDefinition(
            f"no marketplace known for country {country_code!r}; known are "
            f"{', '.join(_MARKETPLACES)}. Write Amazon's id of another one into"
            " amc_accounts.marketplace_id",
            table="amc_accounts",
            column="country_code",
        ) from err
