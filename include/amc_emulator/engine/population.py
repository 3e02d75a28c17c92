"""The generated population and ads of an instance, from `world.toml`."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

SPONSORED_LINE_TYPES = {
    "sponsored_products": "SP",
    "sponsored_brands": "SB",
    "sponsored_display": "SD",
}
AD_COLUMNS = (
    "ad_no",
    "ad_product_type",
    "campaign_id",
    "campaign_id_string",
    "campaign",
    "campaign_goal",
    "campaign_budget",
    "portfolio_id",
    "portfolio_name",
    "line_item_id",
    "line_item",
    "line_item_type",
    "match_type",
    "targeting",
    "terms",
    "placement_type",
    "creative_id",
    "creative",
    "creative_category",
    "creative_type",
    "creative_size",
    "pinned_device",
    "site",
    "cost_per_thousand",
    "cost_per_click",
    "click_rate",
    "product_no",
    "campaign_status",
    "campaign_flight_id",
    "campaign_insertion_order_id",
    "campaign_sales_type",
    "frequency_group_ids",
    "product_line",
    "line_item_budget",
    "line_item_price_type",
    "ad_group_type",
    "creative_duration",
    "deal_id",
    "deal_name",
    "supply_source",
    "supply_source_id",
    "app_bundle",
    "page_type",
    "segment_ids",
)
SUPPLY_SOURCES = {
    "amazon": "AMAZON.COM",
    "Prime Video": "PRIME VIDEO",
    "Fire TV": "FIRE TV",
    "weatherapp": "PUBMATIC APP DISPLAY",
    "travelmag": "PUBMATIC WEB VIDEO",
}
OTHER_SUPPLY_SOURCE = "PUBMATIC WEB DISPLAY"


def number_of(*parts: object, digits: int = 16) -> int:
    """Return a number of that many digits that depends on the parts alone."""
    digest = blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    lowest = 10 ** (digits - 1)
    return int(lowest + int.from_bytes(digest, "big") % (9 * lowest))


@cache
def load_world() -> dict[str, Any]:
    """Read the definition of the world."""
    return tomllib.loads(Path(__file__).with_name("world.toml").read_text(encoding="utf-8"))


def profile_row(instance_id: str, seed: int, users: int) -> list[Any]:
    """Return the one row of `profile` for an instance."""
    profile = load_world()["profiles"][profile_name(instance_id)]
    own_seed = number_of("instance", seed, instance_id)
    return [
        own_seed,
        users,
        profile["advertiser"],
        number_of("advertiser", instance_id, digits=18),
        profile["country"],
        profile["currency_iso_code"],
        profile["currency_name"],
        profile["timezone"],
        profile["marketplace_name"],
        profile["marketplace_id"],
        profile["entity_id"],
        profile["price_factor"],
        profile["site_suffix"],
        profile["segment_region"],
        number_of("merchant", instance_id, digits=10),
    ]


def profile_name(instance_id: str) -> str:
    """Return the name of the profile of an instance."""
    return str(load_world()["instances"].get(instance_id, "north"))


def place_rows(instance_id: str) -> list[list[Any]]:
    """Return the rows of `place`."""
    places = load_world()["places"][profile_name(instance_id)]
    return [[number, *place] for number, place in enumerate(places)]


def product_rows(instance_id: str) -> list[list[Any]]:
    """Return the rows of `product`, with prices in the currency of the instance."""
    factor = Decimal(str(load_world()["profiles"][profile_name(instance_id)]["price_factor"]))
    products = enumerate(load_world()["products"], start=1)
    return [[n, p["asin"], p["item"], Decimal(str(p["price"])) * factor] for n, p in products]


def segment_rows() -> list[list[Any]]:
    """Return the rows of `segment`."""
    return [
        [s["id"], s["kind"], *s["levels"], s["name"], s["description"], s["share"]]
        for s in load_world()["segments"]
    ]


def ad_rows(instance_id: str) -> list[list[Any]]:
    """Return the rows of `ad`."""
    ads = [
        *(_dsp(c, line, instance_id) for c, line in _members("dsp_campaigns", "lines")),
        *(_sponsored(c, g, instance_id) for c, g in _members("sponsored_campaigns", "groups")),
    ]
    return [[(ad | {"ad_no": n}).get(key) for key in AD_COLUMNS] for n, ad in enumerate(ads)]


def ticket_rows() -> list[list[int]]:
    """Return a thousand tickets, shared among the ads by weight."""
    members = [*_members("dsp_campaigns", "lines"), *_members("sponsored_campaigns", "groups")]
    weights = [int(member["weight"]) for _, member in members]
    rows, passed, ad_no = [], weights[0], 0
    for ticket in range(1000):
        while ticket * sum(weights) >= passed * 1000:
            ad_no += 1
            passed += weights[ad_no]
        rows.append([ticket, ad_no])
    return rows


def _members(campaigns: str, members: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(c, member) for c in load_world()[campaigns] for member in c[members]]


def _dsp(campaign: dict[str, Any], line: dict[str, Any], instance_id: str) -> dict[str, Any]:
    campaign_id = _dsp_id(57, instance_id, campaign["name"])
    deal = line.get("deal")
    supply_source = SUPPLY_SOURCES.get(line["site"], OTHER_SUPPLY_SOURCE)
    return {
        "campaign_id": campaign_id,
        "campaign_id_string": str(campaign_id),
        "campaign": campaign["name"],
        "campaign_goal": campaign["goal"],
        "campaign_budget": campaign["budget"],
        "line_item_id": _dsp_id(58, instance_id, line["name"]),
        "line_item": line["name"],
        "line_item_type": line["type"],
        "creative_id": _dsp_id(59, instance_id, line["creative"]),
        "creative": line["creative"],
        "creative_category": line["category"],
        "creative_type": line["kind"],
        "creative_size": line["size"],
        "pinned_device": line.get("device"),
        "site": line["site"],
        "cost_per_thousand": line["cpm"],
        "cost_per_click": 0.0,
        "click_rate": line["ctr"],
        "product_no": line["product"],
        "campaign_status": "RUNNING",
        "campaign_flight_id": number_of("flight", instance_id, campaign["name"], digits=15),
        "campaign_insertion_order_id": str(number_of("order", instance_id, digits=9)),
        "campaign_sales_type": "BILLABLE",
        "frequency_group_ids": [number_of("frequency", instance_id, campaign["name"], digits=9)],
        "product_line": "Outdoor",
        "line_item_budget": campaign["budget"] // len(campaign["lines"]),
        "line_item_price_type": "CPM",
        "creative_duration": line.get("duration"),
        "deal_id": deal and f"D{number_of('deal', instance_id, deal, digits=10)}",
        "deal_name": deal,
        "supply_source": supply_source,
        "supply_source_id": number_of("supply", supply_source, digits=9),
        "app_bundle": line.get("app"),
        "page_type": line.get("page"),
        "segment_ids": line.get("segments", []),
    }


def _sponsored(campaign: dict[str, Any], group: dict[str, Any], instance_id: str) -> dict[str, Any]:
    campaign_id = number_of("campaign", instance_id, campaign["name"], digits=17)
    return {
        "ad_product_type": campaign["product_type"],
        "campaign_id": campaign_id,
        "campaign_id_string": f"A0{campaign_id:X}"[:21],
        "campaign": campaign["name"],
        "campaign_budget": campaign["budget"],
        "portfolio_id": number_of("portfolio", instance_id, campaign["portfolio"], digits=15),
        "portfolio_name": campaign["portfolio"],
        "line_item_id": number_of("group", instance_id, group["name"], digits=15),
        "line_item": group["name"],
        "line_item_type": SPONSORED_LINE_TYPES[campaign["product_type"]],
        "match_type": group.get("match"),
        "targeting": group["targeting"],
        "terms": group.get("terms", []),
        "placement_type": group["placement"],
        "creative": group.get("creative"),
        "creative_type": group.get("kind"),
        "cost_per_thousand": group.get("cpm", 0.0),
        "cost_per_click": group.get("cpc", 0.0),
        "click_rate": group["ctr"],
        "product_no": group["product"],
        "campaign_status": "ENABLED",
        "campaign_sales_type": "BILLABLE",
        "product_line": "Outdoor",
        "line_item_price_type": "CPC" if "cpc" in group else "VCPM",
        "ad_group_type": "KEYWORD" if "match" in group else "PRODUCT",
        "segment_ids": group.get("segments", []),
    }


def _dsp_id(prefix: int, instance_id: str, name: str) -> int:
    return prefix * 10**16 + number_of(prefix, instance_id, name) % 10**16
