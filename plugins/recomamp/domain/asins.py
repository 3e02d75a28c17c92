"""Products as Amazon describes them, and in whose name they are asked about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from typing import TypeVar
from uuid import UUID

from recomamp.domain.ad_profiles import Profile

T = TypeVar("T")

_AGENCY = "agency"  # advertises with DSP only and sells nothing
_MAX_PRICE = Decimal("99999999.99")  # DECIMAL(10,2)
_MAX_RANK = 2**31 - 1
_CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """What Amazon says of an ASIN; what it leaves out is None."""

    asin: str
    title: str | None = None
    brand: str | None = None
    category: str | None = None
    image_url: str | None = None
    price: Decimal | None = None
    price_currency: str | None = None
    sales_rank: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DueProduct:
    """A row of ``asins`` to ask about; ``profile_id`` is the profile that knew it last, if any."""

    id: UUID
    asin: str
    profile_id: str | None


def sellers_by_profile(profiles: Sequence[Profile], homes: set[tuple[str, str]]) -> list[Profile]:
    """Return the profiles that may know products, in the order in which they are asked.

    First those of the user's own AMC accounts, then the others, each by its id: the order decides
    in which marketplace's words a product is described, so it must not change from day to day.

    :param homes: entity and marketplace of the user's AMC accounts.
    """
    selling = [one for one in profiles if one.kind != _AGENCY]
    return sorted(
        selling,
        key=lambda one: ((one.owner_id, one.marketplace_id) not in homes, one.profile_id),
    )


def order_profiles(product: DueProduct, profile_ids: Sequence[str]) -> list[str]:
    """Return the profiles to ask about a product: the one that knew it last goes first."""
    return sorted(profile_ids, key=lambda one: one != product.profile_id)


def price_of(amount: Decimal | None) -> Decimal | None:
    """Return an amount as the column holds it; None for one that it cannot hold."""
    if amount is None or not amount.is_finite() or not 0 <= amount <= _MAX_PRICE:
        return None
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def rank_of(text: str | None) -> int | None:
    """Read a best sellers rank, which Amazon writes as text: "36", "1,204", "#7"."""
    digits = (text or "").strip().lstrip("#").replace(",", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        return None
    return int(digits) if 0 < int(digits) <= _MAX_RANK else None


def batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """Cut a list into parts of at most ``size``."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
