"""Generated products. Every ASIN that begins with B0 is one, the same each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from amc_emulator.tenants import Profile

_BRANDS = ("Northwind", "Fabrikam", "Contoso", "Tailspin")
_CATEGORIES = ("Water Bottles", "Desk Lamps", "Electric Kettles", "Daypacks")
_MAX_RANK = 250_000


@dataclass(slots=True)
class ProductCatalog:
    """The products of every profile, and the changes that tests make.

    `owners` assigns a product to one profile alone. A field that is changed to None is left out.
    """

    unknown: set[str] = field(default_factory=set)
    owners: dict[str, int] = field(default_factory=dict)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def product(self, asin: str, profile: Profile) -> dict[str, Any] | None:
        """Return a product as its store describes it, None where the store has no such product."""
        if not asin.startswith("B0") or asin in self.unknown:
            return None
        if self.owners.get(asin, profile.profile_id) != profile.profile_id:
            return None
        made = {**_product(asin, profile), **self.changes.get(asin, {})}
        return {name: value for name, value in made.items() if value is not None}


def _product(asin: str, profile: Profile) -> dict[str, Any]:
    """Return a generated product.

    Some lack the fields that Amazon does not know of every product: brand, rank, price.
    """
    random = Random(asin)  # noqa: S311  (made-up products)
    kind = random.randrange(len(_CATEGORIES))
    amount = random.randrange(500, 20_000) / 100
    is_out = random.randrange(10) == 0
    money = {"amount": amount, "currency": profile.currency}
    before = {"amount": round(amount * 1.2, 2), "currency": profile.currency}
    return {
        "asin": asin,
        "sku": f"SKU-{asin[2:]}" if profile.kind == "seller" else None,
        "title": f"{_CATEGORIES[kind][:-1]} {asin[4:]}",
        "brand": random.choice(_BRANDS) if random.randrange(8) else None,
        "category": _CATEGORIES[kind],
        "imageUrl": f"https://m.media-amazon.example/images/I/{asin}._SS60_.jpg",
        "priceToPay": None if is_out else money,
        "basisPrice": before,
        "bestSellerRank": str(random.randrange(1, _MAX_RANK)) if random.randrange(6) else None,
        "availability": "OUT_OF_STOCK" if is_out else "IN_STOCK",
        "createdDate": "2024-03-05T00:00:00Z",
        "variationList": [],
        "globalStoreSetting": None,
    }
