"""The lever of the control plane for campaigns."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from amc_emulator.ads.portfolio import Product
from amc_emulator.emulator import Emulator


class Changes(BaseModel):
    """What a campaign is made to show."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    state: Literal["ENABLED", "PAUSED", "ARCHIVED"] | None = None
    budget: float | None = None


class Counts(BaseModel):
    """How many campaigns a profile (or DSP advertiser) has of a product."""

    model_config = ConfigDict(extra="forbid")

    owner: str
    product: Product
    campaigns: int = Field(ge=0, le=100_000)


class AdsOrder(BaseModel):
    """Number, disappearance, change and restatement of campaigns; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    counts: list[Counts] = []
    vanish: list[int] = []
    change: dict[int, Changes] = {}
    restate_from: date | None = None
    sales_percent: int = Field(default=100, ge=0)


class AdsControl:
    """Handlers of `/_emulator/ads`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def order(self, order: AdsOrder) -> dict[str, Any]:
        """Change the campaigns, until the next reset."""
        portfolio = self._emulator.portfolio
        for one in order.counts:
            portfolio.counts[one.owner, one.product] = one.campaigns
        portfolio.vanished.update(order.vanish)
        for number, changes in order.change.items():
            told = changes.model_dump(exclude_none=True)
            portfolio.changes.setdefault(number, {}).update(told)
        if order.restate_from is not None:
            portfolio.restated_from = order.restate_from
            portfolio.sales_percent = order.sales_percent
        return {"vanished": len(portfolio.vanished), "changed": len(portfolio.changes)}
