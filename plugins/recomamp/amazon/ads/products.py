"""Product metadata: what a profile's own store knows of ASINs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import httpx

from recomamp.amazon.ads.exact_json import Fields, money, read_items, read_json, text
from recomamp.amazon.base_client import ApiRequest
from recomamp.domain.asins import Product, price_of, rank_of

BATCH_SIZE = 300  # Amazon's own limit of asins, and of a page

_REQUEST = "application/vnd.productmetadatarequest.v1+json"
_RESPONSE = "application/vnd.productmetadataresponse.v1+json"
_LISTS = ("ProductMetadataList", "productMetadataList")


def product_metadata(asins: Sequence[str]) -> ApiRequest:
    """Ask about at most 300 ASINs, all on one page. The call must name a profile.

    It changes nothing, so that it may be repeated although it is a POST.
    """
    return ApiRequest(
        operation="product_metadata",
        method="POST",
        path="/product/metadata",
        # Without details Amazon names neither title nor price
        body={
            "asins": list(asins),
            "pageIndex": 0,
            "pageSize": len(asins),
            "checkItemDetails": True,
        },
        content_type=_REQUEST,
        headers={"Accept": f"{_RESPONSE}, application/json"},
    )


def read_products(response: httpx.Response) -> dict[str, Product]:
    """Read the products by ASIN. An ASIN that the store does not know is not among them.

    :raises AmazonError: when it is an error, or no list: that never means "none known".
    """
    body = read_json(response)
    key = next((key for key in _LISTS if isinstance(body, dict) and key in body), None)
    items = read_items(response, body[key] if key else None, _product, "products")
    return {one.asin: one for one in items}


def _product(fields: Fields) -> Product | None:
    asin = text(fields, "asin")
    if asin is None:
        return None
    price, currency = _price(fields)
    return Product(
        asin=asin,
        title=_words(fields, "title"),
        brand=_words(fields, "brand"),
        category=_words(fields, "category"),
        image_url=_words(fields, "imageUrl"),
        price=price,
        price_currency=currency,
        sales_rank=rank_of(text(fields, "bestSellerRank")),
    )


def _price(fields: Fields) -> tuple[Decimal | None, str | None]:
    """Return what is to pay, or the price before savings, with its currency."""
    for key in ("priceToPay", "basisPrice"):
        price = price_of(money(fields.get(key), "amount"))
        if price is not None:
            return price, text(fields.get(key), "currency")
    return None, None


def _words(fields: Fields, key: str) -> str | None:
    """Return a text without blanks around it."""
    return (text(fields, key) or "").strip() or None
