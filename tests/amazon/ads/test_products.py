"""Product metadata is asked for in one way and read as far as it is there."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from recomamp.amazon.ads.products import product_metadata, read_products
from recomamp.domain.asins import Product
from recomamp.errors import RequestRejected, TransientError, UnexpectedResponse

ASIN = "B000000001"


def answered(body: Any, status: int = 200) -> httpx.Response:
    request = httpx.Request("POST", "https://amazon.example/product/metadata")
    text = body if isinstance(body, str) else json.dumps(body)
    return httpx.Response(status, text=text, request=request)


def read(**fields: Any) -> Product:
    return read_products(answered({"ProductMetadataList": [{"asin": ASIN, **fields}]}))[ASIN]


def test_a_batch_is_asked_for_on_one_page_with_details() -> None:
    call = product_metadata([ASIN, "B000000002"])
    assert call.repeatable
    assert call.body == {
        "asins": [ASIN, "B000000002"],
        "pageIndex": 0,
        "pageSize": 2,
        "checkItemDetails": True,
    }


def test_a_product_is_read_whole() -> None:
    product = read(
        title=" Kettle ",
        brand="Acme",
        category="Kettles",
        imageUrl="https://images.example/1.jpg",
        priceToPay={"amount": 19.99, "currency": "USD"},
        basisPrice={"amount": 25, "currency": "USD"},
        bestSellerRank="36",
        somethingNew=[1],
    )
    assert product == Product(
        asin=ASIN,
        title="Kettle",
        brand="Acme",
        category="Kettles",
        image_url="https://images.example/1.jpg",
        price=Decimal("19.99"),
        price_currency="USD",
        sales_rank=36,
    )


def test_everything_but_the_asin_may_be_missing_or_odd() -> None:
    bare = Product(asin=ASIN)
    assert read() == bare
    odd = {"title": None, "brand": "", "category": [1], "priceToPay": "?", "bestSellerRank": "n/a"}
    assert read(**odd) == bare
    assert read(priceToPay={"amount": 1e15, "currency": "USD"}) == bare
    assert read(title="a\0b\ud800").title == "ab?"


def test_the_price_before_savings_stands_in() -> None:
    product = read(basisPrice={"amount": 5, "currency": "EUR"})
    assert (product.price, product.price_currency) == (Decimal(5), "EUR")


def test_an_answer_without_a_list_never_means_that_nothing_is_known() -> None:
    assert read_products(answered({"ProductMetadataList": []})) == {}
    for body in ({}, {"ProductMetadataList": None}, [], {"ProductMetadataList": [{}]}):
        with pytest.raises(UnexpectedResponse):
            read_products(answered(body))
    with pytest.raises(TransientError):
        read_products(answered("<html>"))
    with pytest.raises(RequestRejected, match="Invalid ASIN"):
        read_products(answered({"code": "400", "details": "Invalid ASIN"}, 400))
