"""Bring the tables and columns that AMC offers into the database, instance by instance."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from recomamp.amazon.retry import RetryPolicy
from recomamp.domain.data_sources import DataSource, merge_sources, read_data_source
from recomamp.domain.instance_health import HealthStatus
from recomamp.domain.text import one_line
from recomamp.errors import TransientError, UnexpectedResponse
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.log_table import as_table
from recomamp.pipeline.partial_failures import FailureCollector, gather_limited, in_turns, rotated
from recomamp.store.data_sources import (
    MergeCounts,
    merge_data_sources,
    merge_instance_data_sources,
    merge_schema_fields,
    select_instance_tables,
    select_shared_data_sources,
)
from recomamp.store.instances import Instance, select_active_instances

log = logging.getLogger(__name__)

SYNCS_AT_ONCE = 4
SYNC_RETRY = RetryPolicy(attempts=4)
MAX_SYNC_SECONDS = 300.0  # of one instance: others wait for its place

_KINDS = ("ADDED", "CHANGED", "RESTORED", "REMOVED")


def sync_schema(
    *, database: DatabaseHook, amazon: AmcHook, now: datetime, since: datetime | None = None
) -> None:
    """Sync every active instance, then what they have in common.

    Instances in ERROR are left out, as nothing works there: they keep what was known of them.
    Another one is first each day, and each user's first comes before anybody's second.

    :param since: instances read whole since then are not asked again: an earlier try has done it.
    :raises PartialFailure: after all instances, naming those that could not be read and whose own
        rows do not say why; naming all where no user's instance could be read.
    """
    failures = FailureCollector.of_tenants()
    changes: dict[Instance, list[MergeCounts]] = {}

    async def sync(instance: Instance) -> None:
        with failures.capture(instance, user_id=instance.user_id):
            if not _is_synced(instance, since):
                changes[instance] = await _sync(instance, database, amazon, now)

    with database.transaction() as connection:
        instances = select_active_instances(connection)
    asked = in_turns(
        rotated([one for one in instances if not _is_in_error(one)], now.toordinal()),
        lambda instance: instance.user_id,
    )
    asyncio.run(gather_limited(sync, asked, SYNCS_AT_ONCE))
    rows = [(one, *_summary(one, changes.get(one), failures)) for one in instances]
    heads = ("instance", *(kind.lower() for kind in _KINDS), "outcome")
    log.info("%s", as_table(heads, rows))
    with failures.capture("shared tables"):
        publish_schema(database=database, now=now)
    failures.raise_unknown("not synced")


def publish_schema(*, database: DatabaseHook, now: datetime) -> None:
    """Bring the tables that all users share to what the instances offer, taken together."""
    with database.transaction() as connection:
        sources = merge_sources(select_shared_data_sources(connection))
        tables = merge_data_sources(connection, sources, seen_at=now)
        columns = merge_schema_fields(connection, sources, seen_at=now)
    if tables or columns:
        changes = [*tables, *_worth_telling(tables, columns)]
        log.info("%s", as_table(("table or column", "change"), changes))
    else:
        log.info("The shared tables are as they were: %s of them", len(sources))


def _worth_telling(
    tables: Sequence[MergeCounts], columns: Sequence[MergeCounts]
) -> list[MergeCounts]:
    """Return the columns whose table has not come, gone or come back as a whole."""
    whole = {one.name for one in tables if one.change != "CHANGED"}
    return [one for one in columns if one.name.rpartition(".")[0] not in whole]


def _is_in_error(instance: Instance) -> bool:
    return instance.health.status is HealthStatus.ERROR


def _is_synced(instance: Instance, since: datetime | None) -> bool:
    synced_at = instance.schema_last_sync
    return since is not None and synced_at is not None and synced_at >= since


def _summary(
    instance: Instance, changes: list[MergeCounts] | None, failures: FailureCollector
) -> tuple[object, ...]:
    if changes is not None:
        counts = Counter(one.change for one in changes)
        return (*(counts[kind] for kind in _KINDS), "synced")
    if failure := failures.found.get(one_line(instance)):
        said = f"failed: {failure}"
    elif _is_in_error(instance):
        said = f"not asked, in ERROR: {instance.health.error}"
    else:
        said = "synced by an earlier try"
    return (*("" for _ in _KINDS), said)


async def _sync(
    instance: Instance, database: DatabaseHook, amazon: AmcHook, now: datetime
) -> list[MergeCounts]:
    """Read all pages first: what was read in part would make the rest vanish."""
    client = await asyncio.to_thread(amazon.client_at, instance, retry=SYNC_RETRY)
    try:
        async with asyncio.timeout(MAX_SYNC_SECONDS), client as amc:
            # A list that changes between two pages may name a table twice
            sources = merge_sources(
                [read_data_source(one) async for one in amc.list_data_sources()]
            )
    except TimeoutError as err:
        silence = f"AMC has not listed all tables within {MAX_SYNC_SECONDS:g} seconds"
        raise TransientError(silence) from err
    return await asyncio.to_thread(_keep, instance, sources, database, now)


def _keep(
    instance: Instance, sources: Sequence[DataSource], database: DatabaseHook, now: datetime
) -> list[MergeCounts]:
    with database.transaction() as connection:
        known = select_instance_tables(connection, instance.instance_key)
        if not sources and any(table.is_offered for table in known.values()):
            raise UnexpectedResponse(
                "AMC lists no data source at all where there were some; nothing was changed"
            )
        return merge_instance_data_sources(connection, instance.instance_key, sources, seen_at=now)
