"""Rows of ``campaigns``: kept page by page as Amazon lists them, never deleted."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.campaigns import Campaign, CampaignType
from recomamp.store.statements import execute_returning, fetch_all, fetch_one


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignSource:
    """Where campaigns come from: a type of campaign under a profile, or a DSP advertiser."""

    profile_id: str
    campaign_type: CampaignType

    def __str__(self) -> str:
        return f"{self.campaign_type} of {self.profile_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeCounts:
    """How many campaigns of a page are in the table now, and how many were not before."""

    kept: int
    created: int


def merge_campaigns(
    connection: Connection,
    instance_key: UUID,
    source: CampaignSource,
    campaigns: Sequence[Campaign],
    *,
    seen_at: datetime,
    current_profile_ids: Collection[str] = (),
) -> MergeCounts:
    """Keep a page of campaigns with one statement, however many they are.

    :param current_profile_ids: the others that have campaigns of the instance. What one of them
        brought first stays with it; what another profile once brought is taken over.
    """
    row = fetch_one(
        connection,
        "merge_campaigns",
        campaigns=json.dumps([asdict(one) for one in campaigns], default=str),
        instance_key=instance_key,
        profile_id=source.profile_id,
        campaign_type=source.campaign_type.value,
        seen_at=seen_at,
        current_profile_ids=sorted({source.profile_id, *current_profile_ids}),
    )
    return MergeCounts(**row) if row else MergeCounts(kept=0, created=0)


def archive_unlisted_campaigns(
    connection: Connection,
    instance_key: UUID,
    source: CampaignSource,
    *,
    seen_at: datetime,
) -> int:
    """Archive what a complete list, begun at ``seen_at``, no longer has; return how many."""
    archived = fetch_all(
        connection,
        "archive_unlisted_campaigns",
        instance_key=instance_key,
        profile_id=source.profile_id,
        campaign_type=source.campaign_type.value,
        seen_at=seen_at,
    )
    return len(archived)


def archive_orphaned_campaigns(
    connection: Connection,
    instance_key: UUID,
    *,
    current_profile_ids: Collection[str],
    seen_at: datetime,
) -> int:
    """Archive what no profile of the instance can list any more; return how many."""
    archived = fetch_all(
        connection,
        "archive_orphaned_campaigns",
        instance_key=instance_key,
        current_profile_ids=list(current_profile_ids),
        seen_at=seen_at,
    )
    return len(archived)


def count_campaigns(connection: Connection, instance_key: UUID) -> dict[CampaignSource, int]:
    """Return how many campaigns of an instance are known, by where they come from."""
    known = {one.value for one in CampaignType}
    return {
        CampaignSource(
            profile_id=row["profile_id"], campaign_type=CampaignType(row["campaign_type"])
        ): row["campaigns"]
        for row in fetch_all(connection, "count_campaigns", instance_key=instance_key)
        if row["campaign_type"] in known
    }


def select_account_profile(connection: Connection, instance_key: UUID) -> str | None:
    """Return the profile that the instance's account names, if it names one."""
    row = fetch_one(connection, "select_account_profile", instance_key=instance_key)
    return row["profile_id"] if row else None


def set_campaigns_synced_at(
    connection: Connection, instance_key: UUID, *, synced_at: datetime
) -> bool:
    """Set the time as of which campaigns and figures are; False where they are of a later one."""
    return execute_returning(
        connection, "set_campaigns_synced_at", instance_key=instance_key, synced_at=synced_at
    )
