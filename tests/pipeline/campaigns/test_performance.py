"""Figures of campaigns come by reports: asked for once, waited for without a worker, summed."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from fixtures.amazon import Pauses
from fixtures.campaigns import Sync
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from recomamp.domain.campaigns import CampaignType
from recomamp.errors import PartialFailure
from recomamp.pipeline import settings
from recomamp.pipeline.campaigns.performance import is_overdue
from recomamp.pipeline.campaigns.report_trigger import ReportsTrigger
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.store.campaign_reports import CampaignReport, ReportState

FILE = Path(__file__).resolve().parents[3] / "dags" / "recomamp_campaigns_sync.py"
VENDOR = "1108400000000001"


@pytest.fixture
def listed(sync: Sync) -> Sync:
    """The sync of an instance whose campaigns are known."""
    sync.list()
    return sync


def active(sync: Sync) -> list[Row]:
    return [row for row in sync.campaigns() if row["impressions"]]


def days(database: Database) -> list[Row]:
    return database.query("SELECT * FROM campaign_performance ORDER BY campaign_id, date")


def forget_freshness(database: Database) -> None:
    """Let reports be as if they had been loaded yesterday."""
    database.query("UPDATE campaign_reports SET ended_at = ended_at - INTERVAL '1 day'")


def test_the_sync_has_no_more_than_the_pipelines_rights(sync: Sync) -> None:
    with DatabaseHook().transaction() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchall() == [("recomamp_pipeline",)]


def test_the_columns_hold_the_sums_of_the_last_30_days(listed: Sync, database: Database) -> None:
    listed.performance()
    listed.date()

    sums = database.query(
        "SELECT campaign_id, SUM(impressions) AS impressions, SUM(clicks) AS clicks,"
        " SUM(spend) AS spend, SUM(sales) AS sales, COUNT(*) AS days"
        " FROM campaign_performance GROUP BY campaign_id"
    )
    by_id = {row["campaign_id"]: row for row in sums}
    assert {row["days"] for row in sums} == {30}
    rows = active(listed)
    assert {row["id"] for row in rows} == by_id.keys()
    for row in rows:
        total = by_id[row["id"]]
        assert (row["impressions"], row["clicks"]) == (total["impressions"], total["clicks"])
        assert (row["spend"], row["sales"]) == (total["spend"], total["sales"])
        assert row["acos"] == round(100 * row["spend"] / row["sales"], 2)
        assert row["roas"] == round(row["sales"] / row["spend"], 2)
    assert {row["campaign_type"] for row in rows} == {
        "sponsoredProducts", "sponsoredBrands", "sponsoredDisplay", "dsp",
    }  # fmt: skip
    instance = database.query("SELECT campaigns_last_sync FROM amc_instances")[0]
    assert instance["campaigns_last_sync"] == listed.run_after


def test_ratios_are_null_where_they_divide_by_nothing(
    listed: Sync, emulator: RunningEmulator
) -> None:
    emulator.campaigns(restate_from="2020-01-01", sales_percent=0)
    listed.performance()

    assert {(row["sales"], row["acos"], row["roas"]) for row in active(listed)} == {
        (Decimal("0.00"), None, Decimal("0.00"))
    }
    idle = [row for row in listed.campaigns() if not row["impressions"]]
    assert {(row["spend"], row["acos"], row["roas"]) for row in idle} == {(0, None, None)}
    assert all(row["performance_updated_at"] for row in idle)


def test_what_is_larger_than_its_column_is_capped_and_noted(
    listed: Sync, emulator: RunningEmulator, database: Database
) -> None:
    emulator.campaigns(restate_from="2020-01-01", sales_percent=1)
    listed.performance()

    capped = [row for row in active(listed) if row["acos"] == Decimal("999.99")]
    assert capped
    for row in capped:
        (total,) = database.query(
            "SELECT ROUND(100 * SUM(spend) / SUM(sales), 2) AS acos FROM campaign_performance"
            " WHERE campaign_id = %s",
            [row["id"]],
        )
        assert row["performance_note"] == f"acos is {total['acos']}"
    assert {row["performance_note"] for row in active(listed) if row["acos"] < 999} <= {None}


def test_waiting_holds_no_worker_and_gives_ids_alone_to_the_trigger(
    listed: Sync, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=3)
    deferred = listed.deferred()

    path, arguments = deferred.trigger.serialize()
    assert path == "recomamp.pipeline.campaigns.report_trigger.ReportsTrigger"
    assert arguments.keys() == {"report_ids"}
    assert set(arguments["report_ids"]) == {str(row["id"]) for row in listed.reports()}
    with pytest.raises(TaskDeferred) as again:
        listed.resume(deferred)
    listed.resume(again.value)
    assert {row["status"] for row in listed.reports()} == {"LOADED"}
    assert len(emulator.calls("create_report")) == 7


def test_the_trigger_fires_when_amazon_is_done_with_all(
    listed: Sync, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=4)
    trigger: Any = listed.deferred().trigger
    trigger.sleep = Pauses()

    async def fire() -> Any:
        return [event.payload async for event in trigger.run()]

    told = {"report_ids": trigger.report_ids, "text": "all done"}
    assert asyncio.run(fire()) == [told]
    assert len(emulator.calls("get_report")) == 7 * 4  # none is asked about once it is done
    assert len(trigger.sleep.seconds) >= 2


@pytest.mark.parametrize(
    ("trouble", "outcome"), [("revoke", "sign in with Amazon again"), ("delete", "nothing")]
)
def test_the_trigger_fires_when_waiting_is_of_no_use(
    listed: Sync, emulator: RunningEmulator, database: Database, trouble: str, outcome: str
) -> None:
    emulator.progression("per_poll", polls=4)
    trigger: Any = listed.deferred().trigger
    trigger.sleep = Pauses()
    if trouble == "revoke":
        emulator.revoke("ENTITYDEMONORTH")
        database.query("UPDATE users SET encrypted_access_token = NULL")
    else:
        database.query("DELETE FROM campaign_reports")

    async def fire() -> Any:
        return [event.payload["text"] async for event in trigger.run()]

    (told,) = asyncio.run(fire())
    assert outcome in told
    # The task may find the reports still being made, and wait again at once
    is_paused = trigger.sleep.seconds[-1] >= 4 * settings.poll_seconds()
    assert is_paused is (trouble == "revoke")


def test_a_poll_that_fails_is_no_failure(listed: Sync, emulator: RunningEmulator) -> None:
    emulator.progression("per_poll", polls=2)
    trigger: Any = listed.deferred().trigger
    trigger.sleep = Pauses()
    emulator.fault("get_report", "html_body", times=1)

    async def fire() -> Any:
        return [event.payload async for event in trigger.run()]

    assert isinstance(trigger, ReportsTrigger)
    assert [event["text"] for event in asyncio.run(fire())] == ["all done"]


def test_a_try_whose_worker_died_before_storing_the_id_adopts_the_report(
    listed: Sync, emulator: RunningEmulator, database: Database
) -> None:
    emulator.progression("per_poll", polls=3)
    listed.deferred()
    before = {row["id"]: row["amazon_report_id"] for row in listed.reports()}
    database.query("UPDATE campaign_reports SET amazon_report_id = NULL")

    assert listed.performance() == 1
    assert {row["id"]: row["amazon_report_id"] for row in listed.reports()} == before
    duplicates = [call["status"] for call in emulator.calls("create_report")[7:]]
    assert duplicates == [425] * 7


def test_a_retry_goes_on_with_the_reports_under_way(
    listed: Sync, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=3)
    first = listed.deferred()
    second = listed.deferred()

    assert first.trigger.serialize() == second.trigger.serialize()
    assert len(emulator.calls("create_report")) == 7


def test_a_failed_report_stops_no_other_and_is_asked_for_again(
    listed: Sync, emulator: RunningEmulator
) -> None:
    emulator.fault("create_report", "fail_report", reason="Out of ink", matching="sbCampaigns")

    with pytest.raises(PartialFailure, match=r"1 of 7 .*sponsoredBrands.*Out of ink"):
        listed.performance()
    states = [row["status"] for row in listed.reports()]
    assert (states.count("LOADED"), states.count("FAILED")) == (6, 1)
    listed.performance()
    assert len(emulator.calls("create_report")) == 8  # what was just loaded is not asked for again
    assert [row["status"] for row in listed.reports()].count("LOADED") == 7


def test_a_report_that_is_refused_stops_no_other(listed: Sync, emulator: RunningEmulator) -> None:
    emulator.fault("create_report", "forbidden", matching="sdCampaigns", reason="No such luck")

    with pytest.raises(AirflowSkipException, match=r"sponsoredDisplay of .*No such luck"):
        listed.performance()
    assert [row["status"] for row in listed.reports()].count("LOADED") == 6


def test_a_report_that_amazon_has_forgotten_is_asked_for_anew(
    listed: Sync, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=3)
    listed.deferred()
    emulator.reset()

    with pytest.raises(PartialFailure, match="does not know the report any more"):
        listed.performance()
    listed.performance()
    assert {row["status"] for row in listed.reports()} == {"FAILED", "LOADED"}
    assert active(listed)


def test_a_report_that_is_never_ready_is_given_up(
    listed: Sync, emulator: RunningEmulator, database: Database
) -> None:
    emulator.progression("per_poll", polls=99)
    deferred = listed.deferred()
    database.query("UPDATE campaign_reports SET requested_at = NOW() - INTERVAL '7 hours'")

    with pytest.raises(PartialFailure, match="not ready after 6:00:00; Amazon says"):
        listed.resume(deferred)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(), False),
        (timedelta(minutes=-1), False),  # clocks of two machines differ
        (timedelta(hours=5, minutes=59), False),
        (timedelta(hours=6), True),
        (timedelta(days=-365 * 7000), True),  # a moment that nobody can have written
    ],
)
def test_a_report_has_six_hours_and_one_of_the_future_has_none(
    age: timedelta, expected: bool
) -> None:
    now = datetime.now(UTC)
    report = CampaignReport(
        id=uuid4(),
        instance_key=uuid4(),
        profile_id="1",
        campaign_type=CampaignType.DSP,
        start_date=now.date(),
        end_date=now.date(),
        status=ReportState.REQUESTED,
        amazon_report_id="r",
        error_message=None,
        requested_at=now - age,
    )
    assert is_overdue(report, now) is expected


def test_amazon_restates_and_only_what_it_restated_changes(
    listed: Sync, emulator: RunningEmulator, database: Database
) -> None:
    listed.performance()
    before, rows = days(database), {row["id"]: row for row in listed.campaigns()}
    forget_freshness(database)
    first_restated = datetime.now(UTC).date() - timedelta(days=5)
    emulator.campaigns(restate_from=first_restated.isoformat(), sales_percent=50)
    listed.performance()
    after = days(database)

    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed
    assert all(day["date"] >= first_restated for day in changed)
    for row in listed.campaigns():
        assert row["sales"] <= rows[row["id"]]["sales"]
        assert row["spend"] == rows[row["id"]]["spend"]


def test_days_that_amazon_takes_back_are_taken_out(
    listed: Sync, emulator: RunningEmulator, database: Database
) -> None:
    listed.performance()
    emptied = active(listed)[0]
    emulator.campaigns(change={int(emptied["campaign_id"]): {"state": "PAUSED"}})
    forget_freshness(database)
    listed.performance()

    assert [day for day in days(database) if day["campaign_id"] == emptied["id"]] == []
    row = next(row for row in listed.campaigns() if row["id"] == emptied["id"])
    assert (row["impressions"], row["spend"], row["acos"]) == (0, 0, None)


def test_rows_of_campaigns_that_nobody_listed_are_counted(listed: Sync, database: Database) -> None:
    gone = next(row for row in listed.campaigns() if row["campaign_type"] == "dsp")
    database.query("DELETE FROM campaigns WHERE id = %s", [gone["id"]])
    listed.performance()

    (report,) = [row for row in listed.reports() if row["campaign_type"] == "dsp"]
    assert (report["row_count"], report["unknown_count"]) == (90, 1)


def test_no_report_is_asked_for_where_there_are_no_campaigns(
    sync: Sync, emulator: RunningEmulator
) -> None:
    counts = {"owner": VENDOR, "product": "SPONSORED_DISPLAY", "campaigns": 0}
    emulator.campaigns(counts=[counts])
    sync.all()

    assert len(sync.reports()) == 6


def test_a_damaged_file_changes_nothing_and_is_read_again(
    listed: Sync, emulator: RunningEmulator, database: Database
) -> None:
    emulator.fault("download", "truncated_csv", times=7)

    with pytest.raises(PartialFailure, match=r"7 of 7 .*not a whole JSON array"):
        listed.performance()
    assert days(database) == []
    listed.performance()
    assert len(emulator.calls("create_report")) == 7
    assert {row["status"] for row in listed.reports()} == {"LOADED"}


def test_a_damaged_file_stops_no_other_report_and_is_adopted(
    listed: Sync, emulator: RunningEmulator
) -> None:
    emulator.fault("download", "truncated_csv", times=3)

    with pytest.raises(PartialFailure, match="3 of 7 "):
        listed.performance()
    states = Counter(row["status"] for row in listed.reports())
    assert states == {"LOADED": 4, "REQUESTED": 3}
    listed.performance()
    assert len(emulator.calls("create_report")) == 7
    assert {row["status"] for row in listed.reports()} == {"LOADED"}


@pytest.mark.parametrize("fault", ["throttle", "unauthorized"])
def test_a_report_that_cannot_be_asked_for_stops_no_other(
    listed: Sync, emulator: RunningEmulator, fault: str, no_pauses: None
) -> None:
    emulator.fault("create_report", fault, times=None, matching="sbCampaigns")

    for _ in range(2):
        with pytest.raises(PartialFailure, match=r"2 of .*sponsoredBrands of .*HTTP 4"):
            listed.performance()
        states = Counter(row["status"] for row in listed.reports())
        assert states == {"LOADED": 5, "REQUESTED": 2}
        forget_freshness(listed.database)
        listed.database.query("DELETE FROM campaign_reports WHERE status = 'LOADED'")
    emulator.clear_faults()
    listed.performance()
    assert {row["status"] for row in listed.reports()} == {"LOADED"}


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AmcHook, "sleep", Pauses())


def test_a_report_that_the_database_refuses_stops_no_other(
    listed: Sync, database: Database
) -> None:
    database.query(
        "ALTER TABLE campaigns ADD CONSTRAINT chk_refused"
        " CHECK (campaign_type <> 'dsp' OR impressions = 0)"
    )
    try:
        with pytest.raises(PartialFailure, match=r"1 of 7 .*dsp of .*chk_refused"):
            listed.performance()
    finally:
        database.query("ALTER TABLE campaigns DROP CONSTRAINT chk_refused")
    states = Counter(row["status"] for row in listed.reports())
    assert states == {"LOADED": 6, "REQUESTED": 1}


def test_a_report_that_cannot_be_looked_at_keeps_no_other_waiting(
    listed: Sync, emulator: RunningEmulator
) -> None:
    emulator.progression("per_poll", polls=3)
    trigger: Any = listed.deferred().trigger
    trigger.sleep = Pauses()
    lost = listed.reports()[0]["amazon_report_id"]
    emulator.fault("get_report", "unauthorized", times=None, matching=lost)

    async def fire() -> Any:
        return [event.payload["text"] async for event in trigger.run()]

    assert asyncio.run(fire()) == ["all done"]


def test_an_expired_link_is_asked_for_anew(listed: Sync, emulator: RunningEmulator) -> None:
    emulator.fault("download", "expired_link")
    listed.performance()

    assert len(emulator.calls("download")) == 8


def test_downloads_carry_no_authorization(listed: Sync, emulator: RunningEmulator) -> None:
    listed.performance()

    names = {name for call in emulator.calls("download") for name in call["headers"]}
    assert not {name for name in names if name.startswith(("authorization", "amazon-"))}


def test_no_signed_link_or_token_is_kept(
    listed: Sync, emulator: RunningEmulator, database: Database
) -> None:
    emulator.fault("download", "expired_link", times=2)
    with pytest.raises(Exception, match="Request has expired"):
        listed.performance()

    kept = database.query("SELECT * FROM amc_api_errors") + listed.reports()
    assert kept
    assert "X-Amz" not in repr(kept)
    assert "Atza|" not in repr(kept)


def test_only_days_after_the_end_of_a_sync_date_it_anew(listed: Sync, rows: Rows) -> None:
    listed.performance()
    listed.date()
    yesterday = listed.run_after - timedelta(days=1)
    older = Sync(listed.database, listed.instance, yesterday, pushed=listed.pushed)
    older.date()

    instance = rows.get("amc_instances", listed.instance)
    assert instance["campaigns_last_sync"] == listed.run_after


def test_the_dag_has_a_branch_for_each_instance(connections: None) -> None:
    bag = DagBag(collect_dags=False, bundle_path=FILE.parent, bundle_name="dags")
    bag.process_file(str(FILE), only_if_updated=False)

    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert dag.dag_id == "recomamp_campaigns_sync"
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    performance = dag.get_task("instance.performance")
    assert performance.upstream_task_ids >= {"instance.campaigns"}
    assert performance.trigger_rule == "all_done"
    # The last step looks at both, so that a run with a failed list is a failed run
    assert dag.get_task("instance.dated").upstream_task_ids >= {
        "instance.campaigns",
        "instance.performance",
    }
    dated = dag.get_task("instance.dated")
    assert dated.trigger_rule == "all_done"
    assert dated.needed_task_ids == ["instance.campaigns", "instance.performance"]


def test_an_instance_whose_list_failed_is_not_dated(
    sync: Sync, emulator: RunningEmulator, rows: Rows
) -> None:
    emulator.fault("list_sp_campaigns", "not_found")
    with pytest.raises(AirflowSkipException, match="HTTP 404"):
        sync.list()
    sync.performance()

    with pytest.raises(AirflowSkipException, match="not dated"):
        sync.date()
    assert rows.get("amc_instances", sync.instance)["campaigns_last_sync"] is None
