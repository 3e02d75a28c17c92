"""Whose campaigns belong to an AMC instance: its advertising profiles and DSP advertisers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from recomamp.amazon.ads import profiles as calls
from recomamp.amazon.ads.client import AdsClient
from recomamp.amazon.regions import marketplace_of
from recomamp.domain.ad_profiles import Advertiser, dsp_advertisers, profiles_of_instance
from recomamp.domain.campaigns import CampaignType
from recomamp.domain.text import one_line
from recomamp.errors import AmazonError, InvalidDefinition, RequestRejected, Unauthorized
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.store.campaigns import CampaignSource, select_account_profile
from recomamp.store.instances import Instance

log = logging.getLogger(__name__)

_SPONSORED = (
    CampaignType.SPONSORED_PRODUCTS,
    CampaignType.SPONSORED_BRANDS,
    CampaignType.SPONSORED_DISPLAY,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignSources:
    """A source of campaigns, the zone of its days and the currency of its money if known."""

    source: CampaignSource
    time_zone: str
    currency_code: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceAccounts:
    """The sources of an instance; ``refusal`` says why there may be more of them."""

    sources: list[CampaignSources]
    refusal: AmazonError | None

    @property
    def profile_ids(self) -> set[str]:
        """Profiles and DSP advertisers."""
        return {one.source.profile_id for one in self.sources}


class NoCampaignSources(InvalidDefinition):
    """No profile and no DSP advertiser of the user belongs to the instance."""

    error_type: ClassVar[str] = "NO_CAMPAIGN_SOURCES"


async def resolve_campaign_sources(
    instance: Instance, ads: AdsClient, *, database: DatabaseHook, amazon: AmcHook
) -> InstanceAccounts:
    """Ask Amazon which profiles and DSP advertisers feed an instance.

    Where Amazon refuses the instance's list of advertisers, the account's own profile is all.

    :raises NoCampaignSources: when there are none.
    :raises PipelineError: when Amazon cannot be asked.
    """
    with database.transaction() as connection:
        profile_id = select_account_profile(connection, instance.instance_key)
    profiles = await ads.send(calls.list_profiles(), calls.read_profiles)
    advertisers, refusal = await _advertisers(instance, amazon)
    accounts = profiles_of_instance(
        profiles,
        advertisers,
        entity_id=instance.entity_id,
        marketplace_id=marketplace_of(instance.country_code, instance.marketplace_id),
        profile_id=profile_id,
    )
    found = [
        CampaignSources(
            source=CampaignSource(profile_id=profile.profile_id, campaign_type=campaign_type),
            time_zone=profile.time_zone,
            currency_code=profile.currency_code,
        )
        for profile in accounts
        for campaign_type in _SPONSORED
    ] + [
        CampaignSources(
            source=CampaignSource(profile_id=advertiser_id, campaign_type=CampaignType.DSP),
            time_zone="UTC",
            currency_code=None,
        )
        for advertiser_id in dsp_advertisers(advertisers)
    ]
    if not found and refusal is not None:
        raise refusal
    if not found:
        raise NoCampaignSources(
            f"none of the {len(profiles)} profiles that the user's consent reaches belongs to "
            f"account {instance.entity_id}, and the instance has no DSP advertisers; let the user "
            "sign in with an Amazon account that may view its campaigns, or name a profile here",
            table="amc_accounts",
            column="profile_id",
        )
    return InstanceAccounts(sources=found, refusal=refusal)


async def _advertisers(
    instance: Instance, amazon: AmcHook
) -> tuple[list[Advertiser], AmazonError | None]:
    async with amazon.client_at(instance) as amc:
        listed = amc.items(
            lambda token: calls.list_advertisers(instance.instance_id, token),
            calls.read_advertisers,
        )
        try:
            return [one async for one in listed], None
        except (RequestRejected, Unauthorized) as err:
            log.warning(
                "The advertisers of %s are not known: %s", one_line(instance), one_line(err)
            )
            return [], err
