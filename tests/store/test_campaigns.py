"""Campaigns and reports are written once, by whoever comes first, and seen by their owner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.campaigns import CampaignType, Days, ListedCampaign, to_campaign
from recomamp.store.ads_report_file import ReportedDay
from recomamp.store.campaign_performance import load_campaign_report
from recomamp.store.campaign_reports import (
    CampaignReport,
    ReportState,
    accept_campaign_report,
    delete_campaign_reports,
    end_campaign_report,
    open_campaign_report,
    select_campaign_reports,
)
from recomamp.store.campaigns import (
    CampaignSource,
    archive_orphaned_campaigns,
    archive_unlisted_campaigns,
    merge_campaigns,
)

SOURCE = CampaignSource(profile_id="1", campaign_type=CampaignType.SPONSORED_PRODUCTS)
DAY = date(2026, 5, 4)
DAYS = Days(start=DAY, end=DAY)
NOW = datetime(2026, 5, 5, 11, tzinfo=UTC)


@pytest.fixture
def connection(database: Database) -> Connection:
    """With the pipeline's rights, and every statement committed."""
    return database.connect("recomamp_pipeline", autocommit=True)


@pytest.fixture
def instance_row(rows: Rows) -> Row:
    return rows.instance()


@pytest.fixture
def key(instance_row: Row) -> UUID:
    return UUID(instance_row["id"])


def merge(connection: Connection, key: UUID, *names: str, source=SOURCE, at: datetime = NOW):
    campaigns = [
        to_campaign(ListedCampaign(campaign_id=str(number), name=name, state="ENABLED"))
        for number, name in enumerate(names)
    ]
    return merge_campaigns(connection, key, source, campaigns, seen_at=at)


def open_report(connection: Connection, key: UUID, at: datetime = NOW) -> UUID | None:
    return open_campaign_report(
        connection, key, SOURCE, DAYS, requested_at=at, loaded_since=at - timedelta(hours=1)
    )


def opened(connection: Connection, key: UUID) -> CampaignReport:
    report_id = open_report(connection, key)
    assert report_id is not None
    (report,) = select_campaign_reports(connection, [report_id])
    return report


def day(campaign_id: str = "0", **changes: Any) -> ReportedDay:
    figures = {"impressions": 10, "clicks": 2, "spend": Decimal("0.1"), "sales": Decimal(1)}
    return ReportedDay(**{"campaign_id": campaign_id, "date": DAY, **figures, **changes})


def load(database: Database, report: CampaignReport, days: Iterable[ReportedDay]) -> Any:
    connection = database.connect("recomamp_pipeline")
    with connection:
        return load_campaign_report(connection, report, days, loaded_at=NOW)


def test_a_campaign_listed_twice_on_a_page_is_one_row(connection: Connection, key: UUID) -> None:
    campaign = to_campaign(ListedCampaign(campaign_id="1", name="A", state="ENABLED"))
    merged = merge_campaigns(connection, key, SOURCE, [campaign, campaign], seen_at=NOW)

    assert (merged.kept, merged.created) == (1, 1)


def test_an_earlier_sync_that_comes_late_changes_nothing(
    connection: Connection, key: UUID, database: Database
) -> None:
    merge(connection, key, "new")
    merged = merge(connection, key, "old", at=NOW - timedelta(seconds=1))

    assert (merged.kept, merged.created) == (0, 0)
    assert database.query("SELECT name FROM campaigns") == [{"name": "new"}]


def test_a_campaign_follows_its_instance_to_another_user(
    connection: Connection, key: UUID, rows: Rows, instance_row: Row, database: Database
) -> None:
    merge(connection, key, "A")
    heir = rows.user()
    rows.update("amc_instances", instance_row, user_id=heir["id"])
    merge(connection, key, "A")

    assert database.query("SELECT user_id FROM campaigns") == [{"user_id": heir["id"]}]


def test_an_empty_page_is_a_page(connection: Connection, key: UUID) -> None:
    assert merge(connection, key).kept == 0


def test_two_tries_that_open_a_report_find_the_same(connection: Connection, key: UUID) -> None:
    assert open_report(connection, key) == open_report(connection, key, NOW + timedelta(hours=2))


def test_a_report_loaded_of_late_is_not_opened_again(connection: Connection, key: UUID) -> None:
    report = opened(connection, key)
    end_campaign_report(connection, report.id, status=ReportState.LOADED, ended_at=NOW)

    assert open_report(connection, key, NOW + timedelta(minutes=59)) is None
    assert open_report(connection, key, NOW + timedelta(minutes=61)) is not None


def test_a_failed_report_is_opened_again_at_once(connection: Connection, key: UUID) -> None:
    report = opened(connection, key)
    end_campaign_report(connection, report.id, status=ReportState.FAILED, ended_at=NOW)

    assert open_report(connection, key) not in (None, report.id)


def test_an_id_once_stored_stays(connection: Connection, key: UUID) -> None:
    report = opened(connection, key)

    assert accept_campaign_report(connection, report.id, amazon_report_id="first")
    assert not accept_campaign_report(connection, report.id, amazon_report_id="second")
    (found,) = select_campaign_reports(connection, [report.id])
    assert found.amazon_report_id == "first"


def test_a_report_ends_once(connection: Connection, key: UUID) -> None:
    report = opened(connection, key)

    assert end_campaign_report(connection, report.id, status=ReportState.LOADED, ended_at=NOW)
    assert not end_campaign_report(connection, report.id, status=ReportState.FAILED, ended_at=NOW)


def test_of_two_tries_that_load_a_report_one_does(
    connection: Connection, key: UUID, database: Database
) -> None:
    merge(connection, key, "A")
    report = opened(connection, key)

    assert load(database, report, [day()]).changed == 1
    assert load(database, report, [day(clicks=9)]) is None
    assert database.query("SELECT clicks FROM campaign_performance") == [{"clicks": 2}]
    assert database.query("SELECT clicks FROM campaigns") == [{"clicks": 2}]


def test_rows_of_one_campaign_and_day_are_added_up(
    connection: Connection, key: UUID, database: Database
) -> None:
    merge(connection, key, "A")
    load(database, opened(connection, key), [day(), day(spend=Decimal("0.2"))])

    assert database.query("SELECT impressions, spend FROM campaigns") == [
        {"impressions": 20, "spend": Decimal("0.30")}
    ]


def test_days_outside_of_the_report_are_left_out(
    connection: Connection, key: UUID, database: Database
) -> None:
    merge(connection, key, "A")
    load(database, opened(connection, key), [day(date=DAY + timedelta(days=1)), day()])

    assert database.query("SELECT date FROM campaign_performance") == [{"date": DAY}]


def test_a_report_of_another_profile_changes_nothing(
    connection: Connection, key: UUID, database: Database
) -> None:
    other = CampaignSource(profile_id="2", campaign_type=CampaignType.SPONSORED_PRODUCTS)
    merge(connection, key, "A", source=other)
    loaded = load(database, opened(connection, key), [day()])

    assert (loaded.reported, loaded.unknown, loaded.changed) == (1, 1, 0)
    assert database.query("SELECT impressions FROM campaigns") == [{"impressions": 0}]


def test_money_larger_than_its_column_is_capped_and_noted(
    connection: Connection, key: UUID, database: Database
) -> None:
    merge(connection, key, "A")
    large = day(spend=Decimal("100000000.004"), sales=Decimal("0.01"))
    load(database, opened(connection, key), [large])

    (row,) = database.query("SELECT spend, sales, acos, roas, performance_note FROM campaigns")
    assert row == {
        "spend": Decimal("99999999.99"),
        "sales": Decimal("0.01"),
        "acos": Decimal("999.99"),
        "roas": Decimal("0.00"),
        "performance_note": "spend is 100000000.00, acos is 1000000000040.00",
    }
    assert database.query("SELECT spend FROM campaign_performance")[0]["spend"] == large.spend


@pytest.mark.parametrize(
    ("figures", "row", "note"),
    [
        (("1e15", "1"), ("99999999.99", "1.00", "999.99", "0.00"),
         "spend is 1000000000000000.00, acos is 100000000000000000.00"),
        (("100", "-1"), ("100.00", "-1.00", "-999.99", "-0.01"), "acos is -10000.00"),
        (("-200000000", "1"), ("-99999999.99", "1.00", "-999.99", "0.00"),
         "spend is -200000000.00, acos is -20000000000.00"),
        (("0.01", "-1e20"), ("0.01", "-99999999.99", "0.00", "-999.99"),
         "sales is -100000000000000000000.00, roas is -10000000000000000000000.00"),
    ],
)  # fmt: skip
def test_a_figure_beyond_its_column_loses_no_report(
    connection: Connection,
    key: UUID,
    database: Database,
    figures: tuple[str, str],
    row: tuple[str, ...],
    note: str,
) -> None:
    merge(connection, key, "A")
    spend, sales = map(Decimal, figures)
    assert load(database, opened(connection, key), [day(spend=spend, sales=sales)])

    (kept,) = database.query("SELECT spend, sales, acos, roas, performance_note FROM campaigns")
    assert kept.pop("performance_note") == note
    assert tuple(kept.values()) == tuple(map(Decimal, row))
    assert database.query("SELECT spend, sales FROM campaign_performance") == [
        {"spend": spend, "sales": sales}
    ]


def test_a_count_beyond_its_column_is_capped(
    connection: Connection, key: UUID, database: Database
) -> None:
    merge(connection, key, "A")
    load(database, opened(connection, key), [day(impressions=10**30, clicks=-(10**30))])

    (row,) = database.query("SELECT impressions, clicks FROM campaigns")
    assert row == {"impressions": 2**63 - 1, "clicks": 1 - 2**63}


OLD, NEW = (
    CampaignSource(profile_id=one, campaign_type=CampaignType.SPONSORED_PRODUCTS)
    for one in ("old", "new")
)
TOMORROW = NOW + timedelta(days=1)


def test_a_campaign_follows_to_the_profile_that_took_over(
    connection: Connection, key: UUID, database: Database
) -> None:
    merge(connection, key, "A", source=OLD)
    assert merge(connection, key, "B", source=NEW, at=TOMORROW).kept == 1

    assert database.query("SELECT name, profile_id FROM campaigns") == [
        {"name": "B", "profile_id": "new"}
    ]


def test_a_campaign_stays_with_the_first_of_two_current_profiles_until_that_drops_it(
    connection: Connection, key: UUID, database: Database
) -> None:
    def merge_beside(source: CampaignSource, at: datetime) -> int:
        campaign = to_campaign(ListedCampaign(campaign_id="1", name="A", state="ENABLED"))
        beside = {"old", "new"}
        return merge_campaigns(
            connection, key, source, [campaign], seen_at=at, current_profile_ids=beside
        ).kept

    assert [merge_beside(one, NOW) for one in (OLD, NEW)] == [1, 0]
    archive_unlisted_campaigns(connection, key, OLD, seen_at=TOMORROW)
    assert merge_beside(NEW, TOMORROW) == 1
    assert database.query("SELECT state, profile_id FROM campaigns") == [
        {"state": "ENABLED", "profile_id": "new"}
    ]


def test_campaigns_of_other_profiles_are_archived(
    connection: Connection, key: UUID, database: Database
) -> None:
    merge(connection, key, "A", source=OLD)
    merge(connection, key, "B", "C", source=NEW, at=TOMORROW)
    merge(connection, key, "A", "B", "C", "D", source=OLD, at=TOMORROW)
    database.query("UPDATE campaigns SET profile_id = NULL, last_sync_at = NULL WHERE name = 'B'")
    (stray,) = database.query("SELECT campaign_id FROM campaigns WHERE name = 'B'")
    current = {"current_profile_ids": ["old"], "seen_at": TOMORROW}

    assert archive_orphaned_campaigns(connection, key, **current) == 1
    assert archive_orphaned_campaigns(connection, key, **current) == 0
    assert database.query("SELECT campaign_id FROM campaigns WHERE state = 'ARCHIVED'") == [stray]


def test_old_reports_are_forgotten(connection: Connection, key: UUID) -> None:
    opened(connection, key)

    assert delete_campaign_reports(connection, before=NOW) == 0
    assert delete_campaign_reports(connection, before=NOW + timedelta(seconds=1)) == 1


def test_figures_and_reports_are_read_by_their_owner_alone(
    connection: Connection, key: UUID, database: Database, instance_row: Row, rows: Rows
) -> None:
    merge(connection, key, "A")
    load(database, opened(connection, key), [day()])

    def seen(user_id: str, table: str) -> int:
        with database.connect("recomamp_analyst", user_id).cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            return int((cursor.fetchone() or (0,))[0])

    for table in ("campaign_performance", "campaign_reports"):
        assert seen(instance_row["user_id"], table) == 1
        assert seen(rows.user()["id"], table) == 0
        analyst = database.connect("recomamp_analyst", instance_row["user_id"], autocommit=True)
        with analyst.cursor() as cursor, pytest.raises(InsufficientPrivilege):
            cursor.execute(f"DELETE FROM {table}")
