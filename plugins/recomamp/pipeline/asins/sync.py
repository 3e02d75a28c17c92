"""Ask Amazon about the products that users follow, in the names of their own profiles."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from recomamp.amazon.ads.client import AdsClient
from recomamp.amazon.ads.products import BATCH_SIZE, product_metadata, read_products
from recomamp.amazon.ads.profiles import list_profiles, read_profiles
from recomamp.amazon.regions import marketplace_of
from recomamp.amazon.retry import RetryPolicy
from recomamp.domain.ad_profiles import Profile
from recomamp.domain.asins import DueProduct, Product, batches, order_profiles, sellers_by_profile
from recomamp.domain.text import one_line
from recomamp.errors import (
    InvalidDefinition,
    PartialFailure,
    PipelineError,
    RequestRejected,
    is_final,
    is_tenants_own,
)
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.log_table import as_table
from recomamp.pipeline.partial_failures import (
    FATAL_ERRORS,
    SHARED,
    gather_limited,
    is_shared,
    log_failure,
    rotated,
)
from recomamp.store import asins
from recomamp.store.instances import Instance, select_active_instances

log = logging.getLogger(__name__)

ASKED_AGAIN_AFTER = timedelta(hours=20)  # less than a day: the daily run comes a little earlier too
USERS_AT_ONCE = 4
SYNC_RETRY = RetryPolicy(attempts=4)


def sync_asins(*, database: DatabaseHook, amazon: AmcHook, now: datetime) -> None:
    """Request every product that was not requested for 20 hours, and store the answers.

    Each batch is kept as soon as it is answered, so that another try asks about the rest only.

    Another user is first each day.

    :raises PartialFailure: after all users, naming those with products not asked about and whose
        own rows do not say why; naming all where nothing could be asked for any user.
    """
    before = now - ASKED_AGAIN_AFTER
    with database.transaction() as connection:
        owners = asins.select_product_owners(connection, before=before)
        instances = select_active_instances(connection)
    places: dict[UUID, list[Instance]] = defaultdict(list)
    for instance in instances:
        places[instance.user_id].append(instance)
    jobs = [
        UserAsinSync(owner, places[owner], database, amazon, now)
        for owner in rotated(owners, now.toordinal())
    ]
    asyncio.run(gather_limited(UserAsinSync.run, jobs, USERS_AT_ONCE))
    rows = [(job.user_id, job.found, job.missing, job.left, job.remark) for job in jobs]
    heads = ("user", "found", "not found", "not asked about", "why")
    log.info("%s", as_table(heads, rows) if rows else "No product is due")
    failed = [job for job in jobs if job.failures]
    if unknown := [job for job in failed if not all(map(is_tenants_own, job.failures))]:
        raise _incomplete(unknown)
    asked = {job.user_id for job in jobs if job.is_answered}
    if is_shared(failed={job.user_id for job in failed}, done=asked):
        raise _incomplete(failed, f"; {SHARED}")


def _incomplete(failed: Sequence[UserAsinSync], remark: str = "") -> PartialFailure:
    named = "; ".join(f"user {job.user_id}: {job.remark}" for job in failed)
    errors = [error for job in failed for error in job.failures]
    return PartialFailure(
        f"products of {len(failed)} users not asked about{remark}: {named}",
        errors=errors,
        is_final=all(map(is_final, errors)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SellerProfile:
    """A profile, and the instance in whose region it is asked."""

    place: Instance
    profile: Profile


@dataclass(slots=True)
class UserAsinSync:
    """The products of one user: what is asked of which profile, and what came of it."""

    user_id: UUID
    places: Sequence[Instance]
    database: DatabaseHook
    amazon: AmcHook
    now: datetime
    found: int = 0
    missing: int = 0
    left: int = 0
    failures: list[Exception] = field(default_factory=list)

    @property
    def is_answered(self) -> bool:
        """Whether Amazon has answered about any product."""
        return self.found + self.missing > 0

    @property
    def remark(self) -> str:
        """Why products were left, in words."""
        if not self.places:
            return "the user has no active AMC instance, so nobody can be asked"
        return "; ".join(dict.fromkeys(map(one_line, self.failures)))

    async def run(self) -> None:
        """Ask about everything that is due; what cannot be done is among ``failures``."""
        try:
            due = await asyncio.to_thread(self._due)
            self.left = len(due)
            if not self.places:
                return
            await self._ask_sellers(due, await self._sellers())
        except Exception as err:  # noqa: BLE001 - every error is about this user
            self._failed(err)

    def _due(self) -> list[DueProduct]:
        with self.database.transaction() as connection:
            before = self.now - ASKED_AGAIN_AFTER
            return asins.select_due_products(connection, self.user_id, before=before)

    async def _sellers(self) -> dict[str, SellerProfile]:
        """Return the user's profiles by id, those of all regions, in the order of asking.

        :raises InvalidDefinition: when there are none.
        """
        regions = {one.region or "": one for one in reversed(self.places)}
        known: dict[str, SellerProfile] = {}
        for _, place in sorted(regions.items()):
            async with await self._client(place) as ads:
                for profile in await ads.send(list_profiles(), read_profiles):
                    known.setdefault(
                        profile.profile_id, SellerProfile(place=place, profile=profile)
                    )
        ordered = sellers_by_profile(
            [one.profile for one in known.values()], set(_homes(self.places))
        )
        if not ordered:
            raise InvalidDefinition(
                f"user {self.user_id} has no advertising profile of a seller or vendor at Amazon, "
                "and Amazon shows products to their sellers only: sign in with an account that has "
                "one",
                table="asins",
                column="user_id",
            )
        return {one.profile_id: known[one.profile_id] for one in ordered}

    async def _ask_sellers(
        self, due: Sequence[DueProduct], known: Mapping[str, SellerProfile]
    ) -> None:
        """Ask the first seller of every product, then the second about what is missing, and so on.

        A product is called missing where every seller was asked and none knows it.
        """
        wanted = {one: order_profiles(one, list(known)) for one in due}
        for turn in range(len(known)):
            groups: dict[str, list[DueProduct]] = defaultdict(list)
            for one, order in wanted.items():
                groups[order[turn]].append(one)
            for profile_id, group in groups.items():
                for one in group:
                    del wanted[one]
                missing = await self._ask_seller(known[profile_id], group)
                wanted |= {one: order_profiles(one, list(known)) for one in missing}
        for batch in batches(list(wanted), BATCH_SIZE):
            self.missing += await asyncio.to_thread(self._keep_missing, batch)
            self.left -= len(batch)

    async def _ask_seller(
        self, seller: SellerProfile, group: Sequence[DueProduct]
    ) -> list[DueProduct]:
        """Ask about products, keep each answer at once, and return what the seller does not know.

        What could not be asked about is not among that. After an error that is not about the ASINs
        of a batch, the seller's other batches wait.
        """
        missing: list[DueProduct] = []
        profile_id = seller.profile.profile_id
        async with await self._client(seller.place, profile_id) as ads:
            for batch in batches(group, BATCH_SIZE):
                call = product_metadata([one.asin for one in batch])
                try:
                    answered = await ads.send(call, read_products)
                except FATAL_ERRORS:
                    raise
                except PipelineError as err:
                    self._failed(err)
                    if not _is_about_asins(err):
                        break
                    continue
                found = [one for one in batch if one.asin in answered]
                missing += [one for one in batch if one.asin not in answered]
                self.found += await asyncio.to_thread(self._keep_found, found, answered, profile_id)
                self.left -= len(found)
        return missing

    async def _client(self, place: Instance, profile_id: str | None = None) -> AdsClient:
        return await asyncio.to_thread(
            self.amazon.ads_client_at, place, profile_id=profile_id, retry=SYNC_RETRY
        )

    def _keep_found(
        self, found: Sequence[DueProduct], answered: Mapping[str, Product], profile_id: str
    ) -> int:
        with self.database.transaction() as connection:
            return asins.update_found_products(
                connection,
                self.user_id,
                found,
                answered,
                profile_id=profile_id,
                checked_at=self.now,
            )

    def _keep_missing(self, missing: Sequence[DueProduct]) -> int:
        with self.database.transaction() as connection:
            return asins.update_missing_products(
                connection, self.user_id, missing, checked_at=self.now
            )

    def _failed(self, error: Exception) -> None:
        log_failure(f"products of user {self.user_id} are not asked about", error)
        self.failures.append(error)


def _homes(places: Sequence[Instance]) -> Iterator[tuple[str, str]]:
    """Yield entity and marketplace of AMC accounts, of those whose country is known."""
    for place in places:
        try:
            marketplace_id = marketplace_of(place.country_code, place.marketplace_id)
        except InvalidDefinition as err:
            log.warning("%s: %s", one_line(place), one_line(err))
        else:
            yield place.entity_id, marketplace_id


def _is_about_asins(error: PipelineError) -> bool:
    return isinstance(error, RequestRejected) and error.status == HTTPStatus.BAD_REQUEST
