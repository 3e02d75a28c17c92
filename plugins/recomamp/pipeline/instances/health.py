"""Check how the AMC instances are, and keep runs off those on which nothing works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from recomamp.amazon.retry import RetryPolicy
from recomamp.domain.executions import Execution
from recomamp.domain.instance_health import (
    MAX_ERROR,
    Health,
    HealthProbe,
    HealthStatus,
    evaluate_health,
    text_of_error,
)
from recomamp.domain.text import one_line
from recomamp.errors import (
    AmazonError,
    ConfigurationError,
    ConsentRevoked,
    InstanceUnusable,
    InvalidDefinition,
    PipelineError,
    TransientError,
)
from recomamp.pipeline.executions.step_time import StepTime
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.log_table import as_table
from recomamp.pipeline.partial_failures import FailureCollector, gather_limited, in_turns
from recomamp.store.instances import (
    Instance,
    select_active_instance,
    select_active_instances,
    update_instance_health,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

CHECKS_AT_ONCE = 8
# All tries of both calls: a region that is silent keeps others waiting
MAX_CHECK_SECONDS = 60.0
# The next check comes soon enough: an instance that does not answer must not hold up the others
QUICK_RETRY = RetryPolicy(attempts=3, longest_seconds=5.0, patience_seconds=10.0)
# A run on an instance in ERROR looks again itself where the last look is older than this
HEALTH_TTL = timedelta(minutes=1)


def check_instances(*, database: DatabaseHook, amazon: AmcHook, now: datetime) -> None:
    """Check every active instance and keep each result as soon as it is there.

    Each user's first comes before anybody's second, and those whose last check is longest ago come
    first: where a check of all was broken off, the next one begins with the others.

    :raises PartialFailure: after all instances, naming those that met an unexpected error or whose
        result could not be kept; naming all where every instance of several users is in ERROR.
    """
    failures = FailureCollector.of_tenants()
    found: dict[Instance, Health] = {}

    async def check(instance: Instance) -> None:
        with failures.capture(instance, user_id=instance.user_id):
            health = found[instance] = await _check(instance, database, amazon, now)
            if health.status is HealthStatus.ERROR:
                raise InstanceUnusable(health.error)

    with database.transaction() as connection:
        found_instances = select_active_instances(connection)
    instances = in_turns(sorted(found_instances, key=_last_checked_at), _owner)
    asyncio.run(gather_limited(check, instances, CHECKS_AT_ONCE))
    rows = [
        (one.instance_id, one.instance_key, found[one].status, found[one].error or "")
        for one in instances
        if one in found
    ]
    log.info("%s", as_table(("instance", "row", "health", "why"), rows))
    failures.raise_unknown("not checked")


def ensure_instance_healthy(
    execution: Execution, *, database: DatabaseHook, amazon: AmcHook, step_time: StepTime
) -> None:
    """Return where a run may be tried; Amazon is asked only about an instance in ERROR.

    ERROR is not believed for longer than a minute: after the instance is repaired, a cleared run
    need not wait for the next check.

    :raises InstanceUnusable: when nothing works on the instance, with the health error in words.
    """
    if execution.instance_health is not HealthStatus.ERROR:
        return
    now = datetime.now(UTC)
    with database.transaction() as connection:
        instance = select_active_instance(connection, execution.instance_key)
    if instance is None:
        return
    health = instance.health
    if instance.last_health_check is None or now - instance.last_health_check >= HEALTH_TTL:
        health = step_time.run_step(_check(instance, database, amazon, now))
    if health.status is HealthStatus.ERROR:
        raise InstanceUnusable(
            f"instance {instance.instance_id} is in ERROR, so AMC was not asked: {health.error}; "
            "clear this run after the repair"
        )


def _last_checked_at(instance: Instance) -> datetime:
    return instance.last_health_check or datetime.min.replace(tzinfo=UTC)


def _owner(instance: Instance) -> UUID:
    return instance.user_id


async def _check(
    instance: Instance, database: DatabaseHook, amazon: AmcHook, now: datetime
) -> Health:
    try:
        async with asyncio.timeout(MAX_CHECK_SECONDS):
            answers = await _ask(instance, amazon)
    except TimeoutError:
        silence = f"Amazon has not answered within {MAX_CHECK_SECONDS:g} seconds"
        answers = HealthProbe(reporting=TransientError(silence))
    except Exception as err:  # it is not known, so runs are tried; the row says so meanwhile
        words = f"the check itself failed: {type(err).__name__}: {one_line(err, MAX_ERROR)}"
        health = Health(status=HealthStatus.UNHEALTHY, error=words[:MAX_ERROR])
        await asyncio.to_thread(_keep, instance, health, None, database, now)
        raise
    health = evaluate_health(_amazon_error_text(answers, instance))
    if (health.status, health.error) != (instance.health.status, instance.health.error):
        log.warning("%s is %s: %s", one_line(instance), health.status, one_line(health.error))
    await asyncio.to_thread(_keep, instance, health, answers.instance_type, database, now)
    return health


async def _ask(instance: Instance, amazon: AmcHook) -> HealthProbe:
    """Ask both APIs, the second only where the first leaves anything to be learned."""
    try:
        client = await asyncio.to_thread(amazon.client_at, instance, retry=QUICK_RETRY)
    except (InvalidDefinition, ConfigurationError) as err:
        return HealthProbe(reporting=err)
    async with client as amc:
        described, administration = await _outcome(amc.get_instance)
        if isinstance(administration, ConsentRevoked | InvalidDefinition | ConfigurationError):
            return HealthProbe(administration=administration)
        _, reporting = await _outcome(amc.ping)
    return HealthProbe(
        administration=administration,
        reporting=reporting,
        creation_status=described.creation_status if described else None,
        instance_type=described.instance_type if described else None,
    )


async def _outcome(
    call: Callable[[], Awaitable[T]],
) -> tuple[T | None, PipelineError | None]:
    """Return what a call gives, or what went wrong with it."""
    try:
        return await call(), None
    except (AmazonError, InvalidDefinition, ConfigurationError) as err:
        return None, err


def _amazon_error_text(answers: HealthProbe, instance: Instance) -> HealthProbe:
    """Say of a withdrawn consent what Amazon said when it was withdrawn.

    Amazon is asked once and never again, so that the error met at later checks is only ours.
    """
    for error in (answers.administration, answers.reporting):
        if isinstance(error, ConsentRevoked) and error.status is None:
            said = instance.consent_error
            return HealthProbe(reporting=ConsentRevoked(text_of_error(said or error)))
    return answers


def _keep(
    instance: Instance,
    health: Health,
    instance_type: str | None,
    database: DatabaseHook,
    now: datetime,
) -> None:
    with database.transaction() as connection:
        update_instance_health(
            connection,
            instance.instance_key,
            health,
            instance_type=instance_type,
            checked_at=now,
        )
