"""Rows of ``asins``: which to ask Amazon about, and what it said of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.asins import DueProduct, Product
from recomamp.store.statements import fetch_all


def select_product_owners(connection: Connection, *, before: datetime) -> list[UUID]:
    """Return the active users with active products that were not asked about since a time."""
    found = fetch_all(connection, "select_product_owners", before=before)
    return [row["user_id"] for row in found]


def select_due_products(
    connection: Connection, user_id: UUID, *, before: datetime
) -> list[DueProduct]:
    """Return a user's active products that were not asked about since a time."""
    found = fetch_all(connection, "select_due_products", user_id=user_id, before=before)
    return [DueProduct(**row) for row in found]


def update_found_products(
    connection: Connection,
    user_id: UUID,
    asked: Sequence[DueProduct],
    found: Mapping[str, Product],
    *,
    profile_id: str,
    checked_at: datetime,
) -> int:
    """Keep what a profile knows of products, with one statement; return how many rows changed.

    Only those of ``asked`` that were ``found`` are written. What Amazon left out stays as it was.
    """
    answers = [
        {"id": str(one.id), "is_found": True, "profile_id": profile_id, **asdict(found[one.asin])}
        for one in asked
        if one.asin in found
    ]
    return _update(connection, user_id, answers, checked_at)


def update_missing_products(
    connection: Connection, user_id: UUID, asked: Sequence[DueProduct], *, checked_at: datetime
) -> int:
    """Note that none of the user's profiles knows these products; return how many rows changed."""
    answers = [{"id": str(one.id), "is_found": False, "asin": one.asin} for one in asked]
    return _update(connection, user_id, answers, checked_at)


def _update(
    connection: Connection, user_id: UUID, answers: list[dict[str, Any]], checked_at: datetime
) -> int:
    if not answers:
        return 0
    execute_returning = fetch_all(
        connection,
        "update_products",
        user_id=user_id,
        answers=json.dumps(answers, default=_exact),
        checked_at=checked_at,
    )
    return len(execute_returning)


def _exact(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
