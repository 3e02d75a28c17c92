"""Slots: the right to have an execution in flight at AMC, granted in Postgres."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import fetch_all, fetch_one

COLLECTION_HANDICAP = timedelta(minutes=30)
EXTERNAL_COUNT_LIFETIME = timedelta(minutes=15)


def grant_slots(connection: Connection, instance_key: UUID, *, now: datetime) -> set[UUID]:
    """Grant the free slots of the instance's account and return whose executions got one.

    Never more than the limits of the instance and the account, with any number of callers:
    the account stays locked until the transaction ends. Users of one AMC instance get equal
    shares.

    :param now: by the caller's clock. A count of foreign executions is believed while it is at
        most ``EXTERNAL_COUNT_LIFETIME`` away from it, in either direction.
    """
    account = fetch_one(connection, "lock_account_of_instance", instance_key=instance_key)
    if account is None:
        return set()
    granted = fetch_all(
        connection,
        "grant_slots",
        account_key=account["id"],
        granted_at=now,
        collection_handicap=COLLECTION_HANDICAP,
        external_counted_since=now - EXTERNAL_COUNT_LIFETIME,
        external_counted_until=now + EXTERNAL_COUNT_LIFETIME,
    )
    return {row["id"] for row in granted}
