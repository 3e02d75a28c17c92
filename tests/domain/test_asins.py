"""What Amazon tells of products is read as far as columns hold it; sellers are asked in order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.ad_profiles import Profile
from recomamp.domain.asins import (
    DueProduct,
    batches,
    order_profiles,
    price_of,
    rank_of,
    sellers_by_profile,
)


def profile(profile_id: str, **changes: Any) -> Profile:
    own = {
        "profile_id": profile_id,
        "owner_id": "ENTITYOTHER",
        "marketplace_id": "US",
        "currency_code": "USD",
        "time_zone": "UTC",
        "kind": "vendor",
    }
    return Profile(**{**own, **changes})


@pytest.mark.parametrize(
    ("amount", "price"),
    [("19.99", "19.99"), ("5", "5"), ("0", "0"), ("1.005", "1.01"), ("99999999.99", "99999999.99"),
     ("99999999.995", None), ("1e12", None), ("-1", None), ("NaN", None), ("Infinity", None)],
)  # fmt: skip
def test_a_price_that_the_column_cannot_hold_is_none(amount: str, price: str | None) -> None:
    assert price_of(Decimal(amount)) == (None if price is None else Decimal(price))


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_every_price_fits_the_column(amount: Decimal) -> None:
    price = price_of(amount)
    assert price is None or (0 <= price < 10**8 and price.as_tuple().exponent == -2)


@pytest.mark.parametrize(
    ("text", "rank"),
    [("36", 36), (" 1,204 ", 1204), ("#7", 7), ("1", 1), ("X7", None), ("0", None), ("", None),
     (None, None), ("n/a", None), ("2147483647", 2**31 - 1), ("2147483648", None),
     ("9" * 40, None), ("-3", None), ("٣", None)],
)  # fmt: skip
def test_a_rank_is_read_from_text(text: str | None, rank: int | None) -> None:
    assert rank_of(text) == rank


def test_the_users_own_accounts_are_asked_first_and_agencies_never() -> None:
    found = sellers_by_profile(
        [
            profile("3"),
            profile("9", owner_id="ENTITYMINE"),
            profile("1", kind="agency", owner_id="ENTITYMINE"),
            profile("2", owner_id="ENTITYMINE", marketplace_id="CA"),
            profile("10"),
        ],
        {("ENTITYMINE", "US")},
    )
    assert [one.profile_id for one in found] == ["9", "10", "2", "3"]


@pytest.mark.parametrize(
    ("last", "order"), [(None, ["1", "2", "3"]), ("2", ["2", "1", "3"]), ("7", ["1", "2", "3"])]
)
def test_who_knew_a_product_last_is_asked_first(last: str | None, order: list[str]) -> None:
    product = DueProduct(id=uuid4(), asin="B000000001", profile_id=last)
    assert order_profiles(product, ["1", "2", "3"]) == order


@given(st.lists(st.integers()), st.integers(1, 7))
def test_batches_hold_everything_once_in_order(items: list[int], size: int) -> None:
    parts = list(batches(items, size))
    assert [one for part in parts for one in part] == items
    assert all(len(part) == size for part in parts[:-1])
    assert all(0 < len(part) <= size for part in parts)
