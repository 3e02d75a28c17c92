from __future__ import annotations

import pytest

from recomamp.amazon.regions import endpoint_of, marketplace_of
from recomamp.errors import InvalidDefinition


@pytest.mark.parametrize(
    ("region", "api_host", "token_host"),
    [
        ("us-east-1", "advertising-api.amazon.com", "api.amazon.com"),
        ("NA", "advertising-api.amazon.com", "api.amazon.com"),
        ("eu-west-1", "advertising-api-eu.amazon.com", "api.amazon.co.uk"),
        (" eu ", "advertising-api-eu.amazon.com", "api.amazon.co.uk"),
        ("us-west-2", "advertising-api-fe.amazon.com", "api.amazon.co.jp"),
        ("AP-NORTHEAST-1", "advertising-api-fe.amazon.com", "api.amazon.co.jp"),
    ],
)
def test_a_region_leads_to_the_hosts_that_serve_it(region, api_host, token_host):
    endpoint = endpoint_of(region)

    assert endpoint.api_url == f"https://{api_host}"
    assert endpoint.token_url == f"https://{token_host}/auth/o2/token"


def test_an_unknown_region_names_the_column_and_the_known_regions():
    with pytest.raises(InvalidDefinition, match=r"mars-1.*NA, EU, FE, us-east-1") as caught:
        endpoint_of("mars-1")

    assert (caught.value.table, caught.value.column) == ("amc_instances", "region")


@pytest.mark.parametrize(
    ("country", "marketplace"),
    [
        ("US", "ATVPDKIKX0DER"),
        ("de", "A1PA6795UKMFR9"),
        ("GB", "A1F83G8C2ARO7P"),
        ("PL", "A1C3SOZRARQ6R3"),
        ("SG", "A19VAU5U5O7RUS"),
        (None, "ATVPDKIKX0DER"),
    ],
)
def test_a_country_leads_to_its_marketplace(country, marketplace):
    assert marketplace_of(country) == marketplace


def test_an_account_may_name_a_marketplace_that_is_not_known_here():
    assert marketplace_of("XX", "A0NEWMARKET") == "A0NEWMARKET"


def test_an_unknown_country_names_the_column_and_the_known_countries():
    with pytest.raises(InvalidDefinition, match=r"US, CA.*amc_accounts\.marketplace_id") as caught:
        marketplace_of("XX")

    assert (caught.value.table, caught.value.column) == ("amc_accounts", "country_code")
