"""Bring the campaigns of one instance into the database, page by page."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from http import HTTPStatus

from recomamp.amazon.ads.campaigns import LISTS
from recomamp.amazon.ads.client import AdsClient
from recomamp.domain.campaigns import to_campaign
from recomamp.domain.text import one_line
from recomamp.errors import AmazonError, RequestRejected, Unauthorized
from recomamp.pipeline.campaigns.sources import (
    CampaignSources,
    InstanceAccounts,
    resolve_campaign_sources,
)
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.partial_failures import FailureCollector
from recomamp.store.campaigns import (
    CampaignSource,
    archive_orphaned_campaigns,
    archive_unlisted_campaigns,
    count_campaigns,
    merge_campaigns,
)
from recomamp.store.instances import Instance

log = logging.getLogger(__name__)


def sync_campaigns(
    instance: Instance, *, database: DatabaseHook, amazon: AmcHook, now: datetime
) -> int:
    """Bring all campaigns of an instance into the database; return how many it has at Amazon.

    A campaign that a complete list no longer has becomes ARCHIVED. A list that breaks off archives
    nothing and does not stop the others.

    :param now: the time of this sync; a later one's rows are left alone.
    :raises PartialFailure: after all lists, naming those that could not be read.
    :raises PipelineError: when nothing could be read at all.
    """
    return asyncio.run(_CampaignSync(instance, database, amazon, now).run())


class _CampaignSync:
    def __init__(
        self, instance: Instance, database: DatabaseHook, amazon: AmcHook, now: datetime
    ) -> None:
        self.instance = instance
        self.database = database
        self.amazon = amazon
        self.now = now

    async def run(self) -> int:
        failures = FailureCollector()
        total = 0
        async with self.amazon.ads_client_at(self.instance) as ads:
            accounts = await resolve_campaign_sources(
                self.instance, ads, database=self.database, amazon=self.amazon
            )
            for one in accounts.sources:
                with failures.capture(one.source):
                    total += await self._list(ads, one, accounts)
        with failures.capture("advertisers"):
            self._archive_strays(accounts, are_complete=not failures)
        failures.raise_if_any(f"of {len(accounts.sources)} lists of campaigns not read")
        return total

    async def _list(self, ads: AdsClient, one: CampaignSources, accounts: InstanceAccounts) -> int:
        """Keep one source's campaigns: a statement and a transaction for each page."""
        source, listed, kept, created = one.source, 0, 0, 0
        how = LISTS[source.campaign_type]
        pages = ads.pages(lambda token: how.call(source.profile_id, token), how.read)
        try:
            async for page in pages:
                campaigns = [to_campaign(it, currency_code=one.currency_code) for it in page.items]
                with self.database.transaction() as connection:
                    merged = merge_campaigns(
                        connection,
                        self.instance.instance_key,
                        source,
                        campaigns,
                        seen_at=self.now,
                        current_profile_ids=accounts.profile_ids,
                    )
                listed += len(campaigns)
                kept += merged.kept
                created += merged.created
        except (RequestRejected, Unauthorized) as err:
            if not _is_not_for_us(err) or source in self._known():
                raise
            log.info(
                "%s is not used: Amazon refuses to list it, and it had nothing", one_line(source)
            )
            return 0
        archived = self._archive(source)
        name = one_line(source)
        log.info("%s: %s listed, %s new, %s archived", name, listed, created, archived)
        if kept < listed:
            log.warning("%s: %s not kept, listed twice or in two profiles", name, listed - kept)
        return kept

    def _known(self) -> set[CampaignSource]:
        with self.database.transaction() as connection:
            return set(count_campaigns(connection, self.instance.instance_key))

    def _archive(self, source: CampaignSource) -> int:
        with self.database.transaction() as connection:
            return archive_unlisted_campaigns(
                connection, self.instance.instance_key, source, seen_at=self.now
            )

    def _archive_strays(self, accounts: InstanceAccounts, *, are_complete: bool) -> None:
        """Archive the campaigns of all other profiles, where it is sure that they are others.

        :raises AmazonError: Amazon's refusal to name the advertisers, where some were known.
        """
        if accounts.refusal is not None:
            if any(source.profile_id not in accounts.profile_ids for source in self._known()):
                raise accounts.refusal
        elif are_complete:
            with self.database.transaction() as connection:
                archived = archive_orphaned_campaigns(
                    connection,
                    self.instance.instance_key,
                    current_profile_ids=accounts.profile_ids,
                    seen_at=self.now,
                )
            log.info("%s campaigns of no profile of the instance archived", archived)


def _is_not_for_us(error: AmazonError) -> bool:
    """Return whether Amazon says that we may not ask: 403, or 401 about the scope of the call.

    The token itself is good: the profiles were asked for with it just before.
    """
    return isinstance(error, Unauthorized) or error.status == HTTPStatus.FORBIDDEN
