"""The campaigns in the control plane."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from amc_emulator.ads.campaigns import Product
from amc_emulator.emulator import Emulator


class CampaignFields(BaseModel):
    """The fields of a campaign that a test sets."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    state: Literal["ENABLED", "PAUSED", "ARCHIVED"] | None = None
    budget: float | None = None


class CampaignCount(BaseModel):
    """The number of campaigns that a profile or DSP advertiser has of a product."""

    model_config = ConfigDict(extra="forbid")

    owner: str
    product: Product
    campaigns: int = Field(ge=0, le=100_000)


class CampaignChanges(BaseModel):
    """Number, removal, change and restatement of campaigns. Fields that are not named stay."""

    model_config = ConfigDict(extra="forbid")

    counts: list[CampaignCount] = []
    remove: list[int] = []
    change: dict[int, CampaignFields] = {}
    restate_from: date | None = None
    sales_percent: int = Field(default=100, ge=0)


class AdsControl:
    """Handlers of `/_emulator/ads`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def apply(self, body: CampaignChanges) -> dict[str, Any]:
        """Change the campaigns, until the next reset."""
        campaign_store = self._emulator.campaign_store
        for one in body.counts:
            campaign_store.counts[one.owner, one.product] = one.campaigns
        campaign_store.removed.update(body.remove)
        for number, changes in body.change.items():
            values = changes.model_dump(exclude_none=True)
            campaign_store.changes.setdefault(number, {}).update(values)
        if body.restate_from is not None:
            campaign_store.restated_from = body.restate_from
            campaign_store.sales_percent = body.sales_percent
        return {"removed": len(campaign_store.removed), "changed": len(campaign_store.changes)}
