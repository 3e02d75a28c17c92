"""Made-up campaigns: any number of them, the same each time, none of them kept in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from random import Random
from typing import Any

_STATES = ("ENABLED", "ENABLED", "ENABLED", "ENABLED", "ENABLED", "PAUSED", "ARCHIVED")
_FIRST_DAY = date(2025, 1, 1)
_SUBJECTS = ("Bottles", "Lamps", "Kettles", "Backpacks", "Headphones", "Teapots")


class Product(StrEnum):
    """The ad product of a campaign."""

    SP = "SPONSORED_PRODUCTS"
    SB = "SPONSORED_BRANDS"
    SD = "SPONSORED_DISPLAY"
    DSP = "AMAZON_DSP"


DEFAULT_COUNTS = {Product.SP: 14, Product.SB: 7, Product.SD: 7, Product.DSP: 3}


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """One campaign, in no API's shape. `budget` is of a day unless `is_lifetime`."""

    number: int
    product: Product
    name: str
    state: str
    start: date
    end: date | None
    budget: float
    is_lifetime: bool
    is_auto: bool
    portfolio_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The results of a campaign on one day."""

    impressions: int
    clicks: int
    cost: float
    sales: float


@dataclass(slots=True)
class CampaignStore:
    """The campaigns of every profile and advertiser, and the changes that tests make.

    `sales_percent` restates the sales of the days from `restated_from`.
    """

    counts: dict[tuple[str, Product], int] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    changes: dict[int, dict[str, Any]] = field(default_factory=dict)
    restated_from: date | None = None
    sales_percent: int = 100

    def count(self, owner: str, product: Product) -> int:
        """Return how many campaigns an owner has had of a product."""
        return self.counts.get((owner, product), DEFAULT_COUNTS[product])

    def campaigns(
        self, owner: str, product: Product, first: int = 0
    ) -> Iterator[tuple[int, Campaign]]:
        """Yield an owner's campaigns with their places, from a place on."""
        for position in range(first, self.count(owner, product)):
            campaign = _campaign(owner, product, position)
            if campaign.number not in self.removed:
                yield position, replace(campaign, **self.changes.get(campaign.number, {}))

    def count_by_state(self, owner: str, product: Product, states: Collection[str]) -> int:
        """Return how many campaigns are in one of these states."""
        if self.removed or self.changes:
            return sum(one.state in states for _, one in self.campaigns(owner, product))
        positions = range(self.count(owner, product))
        return sum(_STATES[position % len(_STATES)] in states for position in positions)

    def figures(self, campaign: Campaign, day: date) -> Figures | None:
        """Return a day's figures, None where a campaign was not active."""
        if campaign.state != "ENABLED" or day < campaign.start:
            return None
        random = Random(f"{campaign.number}/{day}")  # noqa: S311  (made-up figures)
        impressions = random.randrange(500, 5000)
        clicks = impressions * random.randrange(2, 20) // 1000
        sales = random.choice((0, 1, 1, 2)) * clicks * random.randrange(50, 900) / 100
        if self.restated_from is not None and day >= self.restated_from:
            sales = sales * self.sales_percent / 100
        cost = clicks * random.randrange(20, 180) / 100
        return Figures(
            impressions=impressions, clicks=clicks, cost=round(cost, 2), sales=round(sales, 2)
        )


def _campaign(owner: str, product: Product, position: int) -> Campaign:
    key = f"{owner}/{product}/{position}"
    random = Random(key)  # noqa: S311  (made-up campaigns)
    start = _FIRST_DAY + timedelta(days=random.randrange(300))
    is_lifetime = product is Product.SB and position % 3 == 2
    ends = is_lifetime or position % 5 == 4
    return Campaign(
        number=int.from_bytes(hashlib.blake2b(key.encode(), digest_size=6).digest()) + 10**15,
        product=product,
        name=f"{random.choice(_SUBJECTS)} {product.name} {position:05d}",
        state=_STATES[position % len(_STATES)],
        start=start,
        end=start + timedelta(days=900) if ends else None,
        budget=random.randrange(500, 50_000) / 100,
        is_lifetime=is_lifetime,
        is_auto=position % 2 == 0,
        portfolio_id=10**14 + random.randrange(10**6) if position % 3 == 0 else None,
    )
