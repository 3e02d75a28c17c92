"""Whatever one tenant has in a column, the work for another comes out as if it were not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import TaskDeferred
from airflow.serialization.serialized_objects import DagSerialization
from cryptography.fernet import Fernet

from fixtures.airflow_api import DagServer
from fixtures.amazon import Pauses
from fixtures.campaigns import Sync
from fixtures.connections import one_connection, set_connections
from fixtures.dags import system_dag_of
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import SQL, EmulatorClient
from fixtures.invalid_values import BOB, Case, TenantWriter, find_harmful_case, key
from fixtures.mail import Mailbox, connection_to, running_mail_server
from fixtures.postgres import Database, Server
from fixtures.shards import use_shards
from fixtures.tenants import PipelineDatabase, hooks
from recomamp.domain.campaigns import period
from recomamp.domain.definition_ref import DefinitionKind
from recomamp.domain.reconciliation import RunState
from recomamp.errors import PartialFailure
from recomamp.follower.follower import Follower
from recomamp.follower.listener import DefinitionChange, changed_definitions, listen
from recomamp.pipeline import settings
from recomamp.pipeline.asins.sync import sync_asins
from recomamp.pipeline.campaigns.operators import ListInstances
from recomamp.pipeline.campaigns.report_trigger import ReportsTrigger
from recomamp.pipeline.generator.shards import file_of_row
from recomamp.pipeline.hooks import AmcHook
from recomamp.pipeline.instances.health import check_instances
from recomamp.pipeline.instances.query_findings import check_queries
from recomamp.pipeline.instances.schema import sync_schema
from recomamp.pipeline.maintenance import operators, retention
from recomamp.pipeline.notifications.sender import send_notifications
from recomamp.pipeline.notifications.smtp import open_mail_server
from recomamp.pipeline.reconciliation.operator import reconcile
from recomamp.pipeline.triggers.batched_lookup import ExecutionRowBatcher, SlotWaiters
from recomamp.pipeline.triggers.execution import ExecutionTrigger
from recomamp.store.results.files import ResultDirectory, StoredFile, directory_of
from recomamp.store.slots import grant_slots

DAGS = Path(__file__).resolve().parents[2] / "dags"
FERNET_KEY = Fernet.generate_key().decode()


@pytest.fixture(scope="module")
def tenants(postgres_server: Server, template_database: str) -> Iterator[TenantWriter]:
    """Give tenants in a database of their own, whose columns take any value."""
    name = postgres_server.create_database(template_database)
    database = Database(uri=postgres_server.uri(name))
    try:
        tenants = TenantWriter(database, FERNET_KEY)
        tenants.drop_constraints()
        yield tenants
    finally:
        database.close()
        postgres_server.drop_database(name)


@dataclass
class World:
    """What a loop works on."""

    tenants: TenantWriter
    europe: EmulatorClient
    emulator: RunningEmulator
    answers: list[object] = field(default_factory=list)  # of what the bystander waits for
    errors: list[Exception] = field(default_factory=list)  # of tasks, after which others come

    def names(self, cases: Sequence[Case]) -> list[str]:
        """Return the tenants of a run."""
        return [BOB, *(f"ann{number}" for number in range(len(cases)))]

    @contextmanager
    def task(self) -> Iterator[None]:
        """Do a task of a run, whose other tasks come whatever becomes of it."""
        try:
            yield
        except Exception as err:  # noqa: BLE001 - as Airflow goes on
            self.errors.append(err)


Loop = Callable[[World, Sequence[Case]], None]


def health(world: World, cases: Sequence[Case]) -> None:
    check_instances(**hooks(), now=world.tenants.now)


def schema(world: World, cases: Sequence[Case]) -> None:
    with suppress(PartialFailure):
        sync_schema(**hooks(), now=world.tenants.now)
    check_queries(database=hooks()["database"], now=world.tenants.now)


def products(world: World, cases: Sequence[Case]) -> None:
    sync_asins(**hooks(), now=world.tenants.now)


def reconciliation(world: World, cases: Sequence[Case]) -> None:
    """AMC runs the bystander's query, whose run is gone: it is cancelled, and the run is shown."""
    world.europe.forget_token()
    execution = world.tenants.rows_of(BOB)["workflow_executions"]
    amc_id = world.europe.create_execution(
        workflow={"workflowId": execution["amc_workflow_id"], "sqlQuery": SQL}
    )
    world.tenants.database.query(
        "UPDATE workflow_executions SET status = 'RUNNING', amc_execution_id = %s WHERE id = %s",
        [amc_id, execution["id"]],
    )
    reconcile(
        **hooks(),
        run_state_of=lambda dag_id, run_id: RunState.GONE,
        clock=lambda: world.tenants.now + timedelta(minutes=1),
    )


def mails(world: World, cases: Sequence[Case]) -> None:
    with running_mail_server() as mailbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", connection_to(mailbox.port))
        try:
            send_notifications(
                database=PipelineDatabase(),
                open_server=cast("Callable[[], AbstractContextManager[Any]]", open_mail_server),
                clock=lambda: world.tenants.now,
            )
        finally:
            world.answers += _mails_to(mailbox, "bob@example.com")


def _mails_to(mailbox: Mailbox, address: str) -> list[str]:
    mails = zip(mailbox.mails, mailbox.recipients, strict=True)
    return [str(mail["Subject"]) for mail, recipients in mails if address in recipients]


def waiting(world: World, cases: Sequence[Case]) -> None:
    """All wait in one event loop: for their rows, for a slot, and for the end at AMC."""
    execution = key(BOB, "execution")

    async def wait() -> None:
        database = PipelineDatabase()
        with _others_waiting(world.names(cases), database):
            row = await ExecutionRowBatcher.shared().ask(UUID(execution), database, Pauses())
            world.answers.append(row and (row.instance_id, row.status))
            granted = await SlotWaiters.shared().ask(UUID(execution), database, Pauses())
            world.answers.append(granted)

    asyncio.run(asyncio.wait_for(wait(), 60))
    world.europe.forget_token()
    world.tenants.database.query(
        "UPDATE workflow_executions SET amc_execution_id = %s WHERE id = %s",
        [world.europe.create_execution(), execution],
    )
    # Each has what AMC calls the bystander's own, where nothing else was written there
    world.tenants.database.query(
        "UPDATE workflow_executions SET amc_execution_id = 'x' WHERE amc_execution_id IS NULL"
    )

    async def watch() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ExecutionTrigger, "sleep", Pauses())
            triggers = [
                ExecutionTrigger(execution_id=key(name, "execution")) for name in world.names(cases)
            ]
            mine, *others = [asyncio.create_task(_event(one)) for one in triggers]
            world.answers.append(await mine)
            for one in others:
                one.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    asyncio.run(asyncio.wait_for(watch(), 60))


async def _event(trigger: ExecutionTrigger) -> object:
    async for event in trigger.run():
        return event.payload.get("text")
    return None


@contextmanager
def _others_waiting(names: Sequence[str], database: PipelineDatabase) -> Iterator[None]:
    tasks = [
        asyncio.ensure_future(shared.ask(UUID(key(name, "execution")), database, Pauses()))
        for name in names[1:]
        for shared in (ExecutionRowBatcher.shared(), SlotWaiters.shared())
    ]
    try:
        yield
    finally:
        for task in tasks:
            if task.done():
                task.exception()
            task.cancel()


def campaigns(world: World, cases: Sequence[Case]) -> None:
    """All instances are in one group, and the bystander's is its last."""
    world.tenants.write(cases, lambda name: _campaign_rows(world.tenants, name))
    world.emulator.progression("per_poll", polls=2)
    counts = [
        {"owner": _PROFILES[name][0], "product": product, "campaigns": int(name == BOB)}
        for name in _PROFILES
        for product in ("SPONSORED_BRANDS", "SPONSORED_DISPLAY")
    ]
    counts += [
        {"owner": profile_id, "product": "SPONSORED_PRODUCTS", "campaigns": 1}
        for profile_id, _ in _PROFILES.values()
    ]
    counts.append({"owner": "580000000000000001", "product": "AMAZON_DSP", "campaigns": 0})
    world.emulator.campaigns(counts=counts)
    mine = key(BOB, "instance")
    with pytest.MonkeyPatch.context() as patch, one_connection(patch, PipelineDatabase()):
        patch.setattr(AmcHook, "sleep", Pauses())
        patch.setattr(ReportsTrigger, "sleep", Pauses())
        groups = ListInstances(task_id="list_instances").execute({})
        keys = sorted((one for group in groups for one in group), key=mine.__eq__)
        first, *others = [{"id": one} for one in keys]
        sync = Sync(world.tenants.database, first, run_after=world.tenants.now, others=others)
        with world.task():
            sync.list()
        with world.task():
            changes = iter([cases])  # the first time alone
            sync.performance(wait=lambda deferred: _wait(world, next(changes, []), deferred))
        with world.task():
            sync.date()


_PROFILES = {
    BOB: ("2208400000000001", "Europe/Paris"),
    "others": ("1108400000000001", "America/Los_Angeles"),
}


def _campaign_rows(tenants: TenantWriter, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a campaign that Amazon no longer lists, and a report that a killed try asked for."""
    profile_id, time_zone = _PROFILES.get(name, _PROFILES["others"])
    rows, days = tenants.rows_of(name), period(tenants.now, time_zone)
    rows["amc_accounts"]["profile_id"] = profile_id
    yield from rows.items()
    own = {
        "instance_id": key(name, "instance"),
        "profile_id": profile_id,
        "campaign_type": "sponsoredProducts",
    }
    campaign = {
        "id": key(name, "campaign"),
        "campaign_id": "gone",
        "name": "Summer",
        "state": "ENABLED",
        "user_id": key(name, "user"),
        "last_sync_at": tenants.now - timedelta(days=1),
    }
    report = {
        "id": key(name, "report"),
        "start_date": days.start,
        "end_date": days.end,
        "requested_at": tenants.now - timedelta(hours=1),
    }
    yield "campaigns", {**own, **campaign}
    yield "campaign_reports", {**own, **report}


def _wait(world: World, cases: Sequence[Case], deferred: TaskDeferred) -> None:
    """Wait for the trigger; the reports that are being made have changed since."""
    query = world.tenants.database.query
    for name, case in zip(world.names(cases)[1:], cases, strict=True):
        if case.table == "campaign_reports":
            query("DELETE FROM campaign_reports WHERE id = %s", [key(name, "report")])
            change = f"UPDATE campaign_reports SET {case.column} = %s WHERE instance_id = %s"
            query(change, [case.value, key(name, "instance")])
    asyncio.run(_woken(deferred))


async def _woken(deferred: TaskDeferred) -> None:
    trigger = cast("ReportsTrigger", deferred.trigger)
    async with asyncio.timeout(60):
        async for _ in trigger.run():
            return


def upkeep(world: World, cases: Sequence[Case]) -> None:
    """Each has a result that a later one has superseded, with files, and an event long settled."""
    with pytest.MonkeyPatch.context() as patch, one_connection(patch, PipelineDatabase()):
        patch.setenv("RECOMAMP_RESULT_DATA_RETENTION_DAYS", "30")
        patch.setenv("RECOMAMP_RESULT_FILES_RETENTION_DAYS", "30")
        patch.setattr(retention, "PAGE_RESULTS", 3)
        patch.setattr(operators, "MOST_FINDINGS", 1000)
        world.tenants.write(cases, lambda name: _result_rows(world.tenants, name))
        for task in system_dag_of("recomamp_maintenance").tasks:
            with world.task():
                task.execute({"dag_run": SimpleNamespace(run_id="run 1")})  # type: ignore[typeddict-item]
    root = Path(settings.results_url().removeprefix("file://"))
    files = [str(one.relative_to(root)) for one in root.rglob("*.parquet")]
    mine = sorted(one for one in files if key(BOB, "workflow") in one)
    assert mine  # the result that no later one has superseded
    world.answers.append(mine)


def _result_rows(tenants: TenantWriter, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = tenants.rows_of(name)
    execution, notification = rows.pop("workflow_executions"), rows.pop("notifications")
    yield from rows.items()
    long_ago = tenants.now - timedelta(days=100)
    yield "notifications", {**notification, "status": "SENT", "created_at": long_ago}
    for attempt, days in ((1, 90), (2, 60)):
        result_key = key(name, f"result {attempt}")
        place = directory_of(
            workflow_id=execution["workflow_id"],
            window_start=date(2026, 1, 5),
            execution_id=result_key,
        )
        target = ResultDirectory(settings.results_url(), place, lambda: None)
        with target.open_temporary("part-00001.parquet") as file:
            file.write(result_key.encode())
        target.publish(["part-00001.parquet"])
        stored = StoredFile(
            uri=target.uri("part-00001.parquet"), rows=2, bytes=file.size_bytes, sha256=file.sha256
        )
        result = {
            "id": result_key,
            "status": "SUCCESS",
            "attempt": attempt,
            "dag_run_id": f"run {attempt}",
            "completed_at": tenants.now - timedelta(days=days),
            "result_rows": 2,
            "result_data": {"data": [{"x": 1}, {"x": 2}], "files": [stored.as_json()]},
        }
        yield "workflow_executions", {**execution, **result}


def generator(world: World, cases: Sequence[Case]) -> None:
    """Airflow parses both files, and once more while the database is away."""
    with pytest.MonkeyPatch.context() as patch:
        for uri in (world.tenants.database.uri, "postgresql://nobody@127.0.0.1:1/x"):
            patch.setenv("AIRFLOW_CONN_RECOMAMP_DB", uri)
            bag = DagBag(collect_dags=False, bundle_path=DAGS, bundle_name="dags")
            for file in ("amc_schedules.py", "amc_collections.py"):
                bag.process_file(str(DAGS / file), only_if_updated=False)
            # One that cannot be serialized is an import error of the file
            dags = {
                dag_id: json.dumps(DagSerialization.to_dict(dag), sort_keys=True)
                for dag_id, dag in bag.dags.items()
            }
            mine = (f"amc_schedule_{key(BOB, 'schedule')}", f"amc_collection_{_COLLECTION}")
            world.answers += [bag.import_errors, *(dags.get(dag_id) for dag_id in mine)]


_COLLECTION = key(BOB, "collection")


def following(world: World, cases: Sequence[Case]) -> None:
    """Every row changes while the follower listens, and some people write notifications."""
    with (
        pytest.MonkeyPatch.context() as patch,
        closing(PipelineDatabase().get_conn()) as connection,
    ):
        use_shards(patch, 16)
        files = {
            (kind, name): file_of_row(kind, UUID(key(name, kind)))
            for name in world.names(cases)
            for kind in (DefinitionKind.SCHEDULE, DefinitionKind.COLLECTION)
        }
        server = DagServer(
            {f"{kind.dag_prefix}{key(name, kind)}": files[kind, name] for kind, name in files}
        )
        listening = listen(connection, lambda: 0.1)
        next(listening)
        with world.tenants.database.connect() as changing, changing.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            for change in _CHANGES:
                cursor.execute(change)
            if cases:
                for payload in ("", "{", "[" * 7000, '{"table": "users", "id": 1}', '"\\ud800"'):
                    cursor.execute("SELECT pg_notify('recomamp_definitions', %s)", [payload])
        told: set[DefinitionChange] = set()
        while new := next(listening):
            told |= new
        changes = changed_definitions(connection, told)
        with closing(server.client()) as airflow:
            follower = Follower(airflow)
            follower.note(changes)
            follower.follow()
    for kind in (DefinitionKind.SCHEDULE, DefinitionKind.COLLECTION):
        mine = DefinitionChange(kind.table, UUID(key(BOB, kind)))
        world.answers += [mine in changes, files[kind, BOB] in server.asked]


_CHANGES = (
    "UPDATE users SET is_active = is_active IS NOT TRUE",
    "UPDATE amc_accounts SET country_code = COALESCE(country_code, '') || 'x'",
    "UPDATE amc_instances SET is_active = is_active IS NOT TRUE",
    "UPDATE workflows SET name = name || 'x'",
    "UPDATE workflow_schedules SET name = name || 'x'",
    "UPDATE report_data_collections SET name = name || 'x'",
)


def slots(world: World, cases: Sequence[Case]) -> None:
    """All are users of one AMC instance, which has slots for two of each and no more."""
    many = 2 * len(world.names(cases))
    mine = [UUID(key(BOB, kind)) for kind in ("execution", "week")]

    def rows_of(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        rows = world.tenants.rows_of(name)
        rows["amc_accounts"]["max_concurrent_executions"] = many
        shared = {
            "account_id": key(BOB, "account"),
            "instance_id": "amcdemoeurope",
            "max_concurrent_executions": many,
        }
        rows["amc_instances"].update(shared)
        yield from rows.items()
        week = {
            "id": key(name, "week"),
            "schedule_id": None,
            "collection_id": key(name, "collection"),
            "dag_id": f"amc_collection_{key(name, 'collection')}",
            "dag_run_id": "run 2",
        }
        yield "workflow_executions", {**rows["workflow_executions"], **week}

    world.tenants.write(cases, rows_of)
    with PipelineDatabase().transaction() as connection:
        granted = grant_slots(connection, UUID(key(BOB, "instance")), now=world.tenants.now)
    world.answers.append([one in granted for one in mine])
    world.tenants.database.query("UPDATE amc_instances SET max_concurrent_executions = DEFAULT")


TENANT = ("amc_instances", "amc_accounts", "users")
DEFINITIONS = ("workflows", "workflow_schedules", "report_data_collections")
# The loop, the tables it reads, and which share of the values each column takes: neighbours in a
# table take others, so that every value is there
LOOPS: dict[str, tuple[Loop, tuple[str, ...], int]] = {
    "health": (health, TENANT, 2),
    "schema sync": (schema, (*TENANT, "amc_instance_data_sources", "workflows"), 9),
    "products": (products, (*TENANT, "asins"), 9),
    "reconciliation": (reconciliation, (*TENANT, "workflow_executions"), 9),
    "mails": (mails, ("users", "notifications"), 3),
    "waiting": (waiting, (*TENANT, "workflow_executions"), 6),
    "campaigns": (campaigns, (*TENANT, "campaigns", "campaign_reports"), 9),
    "upkeep": (upkeep, ("workflow_executions", "notifications"), 5),
    "generator": (generator, (*TENANT, *DEFINITIONS), 9),
    "following": (following, (*TENANT, *DEFINITIONS), 9),
    "slots": (slots, ("amc_instances", "workflow_executions"), 3),
}
WRITES_ITS_OWN_ROWS = (campaigns, upkeep, slots)
# All users of an AMC instance share its limit and the count of what runs there. No person writes
# them
SHARED = ("max_concurrent_executions", "external_executions")
_DEEP_FILES = '[{"uri": ' + "[" * 2500 + "]" * 2500 + "}]"
_DEEP_OBJECT = '{"a":' * 3000 + "1" + "}" * 3000
# What once broke the work for all
ALWAYS = [
    Case("amc_instances", "instance_id", "a" * 70_000),
    Case("amc_instances", "last_health_check", "20000-01-01"),
    Case("amc_instances", "schema_last_sync", "4000-01-01 BC"),
    Case("workflow_executions", "created_at", "4000-01-01 BC"),
    Case("workflow_executions", "created_at", "-infinity"),
    Case("workflow_executions", "created_at", "294276-12-31 23:59:59Z"),
    *(
        Case("workflow_executions", "result_data", f'{{"data": [1], "files": {files}}}')
        for files in ('[{"uri": {"a": 1}, "bytes": "x"}]', '{"uri": 1}', _DEEP_FILES)
    ),
    Case("workflow_schedules", "created_at", "20026-01-01"),
    Case("workflow_schedules", "created_at", "0044-03-15 BC"),
    Case("workflow_schedules", "parameters", _DEEP_OBJECT),
    Case("notifications", "happened_at", "20000-01-01"),
    Case("notifications", "details", '"x"'),
]


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.usefixtures("least_rights")
def test_no_value_of_one_tenant_changes_what_becomes_of_another(
    name: str,
    tenants: TenantWriter,
    emulator: RunningEmulator,
    europe: EmulatorClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    set_connections(monkeypatch, tenants.database, emulator, tmp_path, FERNET_KEY)
    loop, tables, every = LOOPS[name]

    def outcome(cases: Sequence[Case]) -> tuple[object, str]:
        emulator.reset()
        emulator.settings(max_running=1000)
        emulator.progression("at_once") if loop is waiting else emulator.progression(
            "per_poll", polls=10_000
        )
        if loop not in WRITES_ITS_OWN_ROWS:
            tenants.write(cases)
        world, error = World(tenants, europe, emulator), ""
        try:
            loop(world, cases)
        except Exception as err:  # noqa: BLE001 - an error at the end is not an outcome of the other's
            world.errors.append(err)
        if world.errors:
            error = f"{type(world.errors[0]).__name__}: {world.errors[0]}"[:2000]
        return (tenants.outcome(), world.answers), error

    expected, error = outcome([])
    assert error == ""
    cases = [one for one in ALWAYS if one.table in tables]
    cases += tenants.cases(*tables, every=every)
    if loop is slots:
        cases = [one for one in cases if one.column not in SHARED]
    assert len(cases) > 30
    reached, error = outcome(cases)
    if reached != expected:
        found = find_harmful_case(cases, lambda some: outcome(some)[0] == expected)
        error = outcome([found])[1] if found else error
        pytest.fail(f"Another tenant's outcome differs with {found}: {error}")
