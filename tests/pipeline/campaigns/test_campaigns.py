"""Campaigns come from the emulated Amazon Ads into a real database, and stay there."""

from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from fixtures.ads import STATES, Ads
from fixtures.campaigns import Sync
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient
from fixtures.postgres import Database, Row, Rows
from recomamp.errors import PartialFailure
from recomamp.pipeline.campaigns.operators import ListInstances, groups

VENDOR, SELLER, ABROAD = "1108400000000001", "1108400000000002", "1108400000000003"
DSP = "580000000000000001"
# What says when Amazon was asked, and not what it said
DATES = ("last_sync_at", "performance_updated_at")


def without_dates(rows: list[Row]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in DATES} for row in rows]


def one(sync: Sync, **wanted: Any) -> Row:
    rows = [row for row in sync.campaigns() if wanted.items() <= row.items()]
    return rows[0]


@pytest.fixture
def europe_sync(rows: Rows, sync: Sync, fernet_key: str, database: Database) -> Sync:
    refresh_token = Fernet(fernet_key).encrypt(b"Atzr|demo-europe").decode()
    owner = rows.user(encrypted_refresh_token=refresh_token)
    account = rows.account(account_id="ENTITYDEMOEUROPE", country_code="DE")
    instance = rows.instance(
        user=owner, account=account, instance_id="amcdemoeurope", region="eu-west-1"
    )
    return Sync(database, instance)


def test_all_campaigns_of_an_instance_are_listed(sync: Sync) -> None:
    assert sync.list() == 59

    counts = Counter((row["profile_id"], row["campaign_type"]) for row in sync.campaigns())
    assert counts == {
        (VENDOR, "sponsoredProducts"): 14,
        (VENDOR, "sponsoredBrands"): 7,
        (VENDOR, "sponsoredDisplay"): 7,
        (SELLER, "sponsoredProducts"): 14,
        (SELLER, "sponsoredBrands"): 7,
        (SELLER, "sponsoredDisplay"): 7,
        (DSP, "dsp"): 3,
    }
    assert {row["state"] for row in sync.campaigns()} == {"ENABLED", "PAUSED", "ARCHIVED"}
    assert {row["user_id"] for row in sync.campaigns()} == {sync.instance["user_id"]}
    assert {row["currency_code"] for row in sync.campaigns()} == {"USD"}


def test_every_field_of_a_campaign_finds_its_column(sync: Sync, north: EmulatorClient) -> None:
    sync.list()
    ads = Ads(north)
    listed = ads.sp(stateFilter=STATES).json()["campaigns"]
    ended = next(it for it in listed if "endDate" in it)
    in_portfolio = next(it for it in listed if "portfolioId" in it)

    row = one(sync, campaign_id=ended["campaignId"])
    assert row["name"] == ended["name"]
    assert row["start_date"] == date.fromisoformat(ended["startDate"])
    assert row["end_date"] == date.fromisoformat(ended["endDate"])
    assert row["budget"] == Decimal(str(ended["budget"]["budget"]))
    assert (row["budget_type"], row["sync_note"]) == ("DAILY", None)
    assert row["targeting_type"] == ended["targetingType"]
    assert row["portfolio_id"] == ended.get("portfolioId")
    row = one(sync, campaign_id=in_portfolio["campaignId"])
    assert row["portfolio_id"] == in_portfolio["portfolioId"]
    display = one(sync, campaign_type="sponsoredDisplay")
    assert display["targeting_type"] in ("T00020", "T00030")
    assert display["start_date"].year == 2025
    brands = [row for row in sync.campaigns() if row["campaign_type"] == "sponsoredBrands"]
    assert {row["budget_type"] for row in brands} == {"DAILY", "LIFETIME"}
    assert {row["targeting_type"] for row in brands} == {None}


def test_each_api_is_asked_in_its_own_media_type(sync: Sync, emulator: RunningEmulator) -> None:
    sync.list()

    assert "amazon-advertising-api-scope" not in emulator.calls("list_profiles")[0]["headers"]
    for operation in ("list_sp_campaigns", "list_sb_campaigns", "list_sd_campaigns"):
        (vendors, sellers_by_profile) = emulator.calls(operation)
        assert "amazon-advertising-api-scope" in vendors["headers"]
        assert vendors["status"] == sellers_by_profile["status"] == 200
    (dsp,) = emulator.calls("query_campaigns")
    assert "amazon-ads-accountid" in dsp["headers"]
    assert "amazon-advertising-api-scope" not in dsp["headers"]


def test_an_account_may_name_its_one_profile(sync: Sync, rows: Rows) -> None:
    rows.update("amc_accounts", sync.instance["account_id"], profile_id=ABROAD)
    sync.list()

    assert {row["profile_id"] for row in sync.campaigns()} == {ABROAD, DSP}
    assert one(sync, profile_id=ABROAD)["currency_code"] == "CAD"


def test_a_consent_without_a_fitting_profile_is_told_with_its_remedy(
    europe_sync: Sync, rows: Rows
) -> None:
    rows.update("amc_accounts", europe_sync.instance["account_id"], profile_id="4711")

    with pytest.raises(
        AirflowSkipException, match=r"1 not synced: .*amc_accounts.profile_id: none of the 1 prof"
    ):
        europe_sync.list()


def test_a_second_sync_with_nothing_new_changes_no_row(sync: Sync, database: Database) -> None:
    sync.all()
    before, days = sync.campaigns(), database.query("SELECT * FROM campaign_performance")
    database.query("UPDATE campaign_reports SET ended_at = ended_at - INTERVAL '2 hours'")
    sync.all()
    after = sync.campaigns()

    assert without_dates(after) == without_dates(before)  # updated_at included
    assert database.query("SELECT * FROM campaign_performance") == days
    assert len(sync.reports()) == 14  # Amazon was really asked again
    for name in DATES:
        assert min(row[name] for row in after) > max(row[name] for row in before)


def test_a_changed_campaign_changes_its_row_alone(sync: Sync, emulator: RunningEmulator) -> None:
    sync.list()
    before = sync.campaigns()
    changed = before[-1]
    number = int(changed["campaign_id"])
    emulator.campaigns(change={number: {"name": "Renamed", "state": "PAUSED", "budget": 12.34}})
    sync.list()

    after = one(sync, id=changed["id"])
    assert (after["name"], after["state"]) == ("Renamed", "PAUSED")
    assert after["budget"] == Decimal("12.34")
    assert after["updated_at"] > changed["updated_at"]
    others = [row for row in sync.campaigns() if row["id"] != changed["id"]]
    assert without_dates(others) == without_dates(before[:-1])


def test_a_vanished_campaign_is_archived_and_may_come_back(
    sync: Sync, emulator: RunningEmulator
) -> None:
    sync.list()
    enabled = [row for row in sync.campaigns() if row["state"] == "ENABLED"]
    gone = {row["campaign_type"]: row for row in enabled}
    assert len(gone) == 4
    emulator.campaigns(remove=[int(row["campaign_id"]) for row in gone.values()])
    sync.list()

    assert len(sync.campaigns()) == 59
    for row in gone.values():
        archived = one(sync, id=row["id"])
        assert archived["state"] == "ARCHIVED"
        assert archived["sync_note"] == "no longer listed by Amazon, where it was ENABLED"
        assert archived["last_sync_at"] == row["last_sync_at"]
    emulator.reset()
    sync.list()
    assert {one(sync, id=row["id"])["state"] for row in gone.values()} == {"ENABLED"}
    assert {one(sync, id=row["id"])["sync_note"] for row in gone.values()} == {None}


def test_campaigns_of_before_that_nobody_lists_are_archived(sync: Sync, rows: Rows) -> None:
    stray = rows.insert(
        "campaigns",
        campaign_id="1",
        name="Old",
        campaign_type="sponsoredProducts",
        state="ENABLED",
        instance_id=sync.instance["id"],
        user_id=sync.instance["user_id"],
    )
    sync.list()

    assert rows.get("campaigns", stray)["state"] == "ARCHIVED"


def test_a_list_that_breaks_off_archives_nothing_and_stops_no_other(
    sync: Sync, emulator: RunningEmulator
) -> None:
    counts = {"owner": VENDOR, "product": "SPONSORED_PRODUCTS", "campaigns": 250}
    emulator.campaigns(counts=[counts])
    sync.list()
    kind = {"profile_id": VENDOR, "campaign_type": "sponsoredProducts", "state": "ENABLED"}
    vanished = one(sync, **kind)["campaign_id"]
    emulator.campaigns(remove=[int(vanished)])
    emulator.fault("list_sp_campaigns", "not_found", skip=1)

    refused = r"1 of 7 lists .* sponsoredProducts of 11084.*HTTP 404"
    with pytest.raises(AirflowSkipException, match=refused):
        sync.list()
    assert one(sync, campaign_id=vanished)["state"] == "ENABLED"
    newest = max(row["last_sync_at"] for row in sync.campaigns())
    refreshed = Counter(
        row["campaign_type"] for row in sync.campaigns() if row["last_sync_at"] == newest
    )
    assert refreshed["sponsoredProducts"] == 100 + 14  # the first page, and the other profile
    assert refreshed["dsp"] == 3
    sync.list()
    assert one(sync, campaign_id=vanished)["state"] == "ARCHIVED"


# A refusal is known of its instance; a token that is not taken is tried again
MAY_NOT_ASK = pytest.mark.parametrize(
    ("fault", "failure"), [("forbidden", AirflowSkipException), ("unauthorized", PartialFailure)]
)


@MAY_NOT_ASK
def test_a_product_that_an_account_does_not_use_is_no_failure(
    sync: Sync, emulator: RunningEmulator, fault: str, failure: type[Exception]
) -> None:
    emulator.fault("list_sd_campaigns", fault, times=None)
    assert sync.list() == 59 - 14

    emulator.clear_faults()
    sync.list()
    emulator.fault("list_sd_campaigns", fault, times=None)
    with pytest.raises(failure, match="sponsoredDisplay"):
        sync.list()  # it was used: losing it is a failure


def test_a_revoked_consent_stops_its_own_instance_alone_and_fails_no_task(
    sync: Sync, europe_sync: Sync, emulator: RunningEmulator
) -> None:
    emulator.revoke("ENTITYDEMONORTH")
    with pytest.raises(AirflowSkipException, match=r"amcdemonorth .*sign in with Amazon again"):
        sync.list()
    with pytest.raises(AirflowSkipException, match="amcdemonorth"):
        sync.performance()
    with pytest.raises(AirflowSkipException, match="amcdemonorth"):
        sync.date()
    europe_sync.all()

    assert sync.campaigns() == []
    assert len(europe_sync.campaigns()) == 28
    assert {row["currency_code"] for row in europe_sync.campaigns()} == {"EUR"}
    assert {row["status"] for row in europe_sync.reports()} == {"LOADED"}


def test_campaigns_of_a_profile_that_is_gone_go_to_the_one_that_lists_them(
    sync: Sync, database: Database
) -> None:
    sync.list()
    before = without_dates(sync.campaigns())
    database.query("UPDATE campaigns SET profile_id = '99' WHERE profile_id = %s", [SELLER])

    assert sync.list() == 59
    after = without_dates(sync.campaigns())
    assert [row["profile_id"] for row in after] == [row["profile_id"] for row in before]
    assert {row["state"] for row in after} == {"ENABLED", "PAUSED", "ARCHIVED"}


def test_campaigns_of_a_profile_that_is_gone_are_archived_once_all_lists_are_complete(
    sync: Sync, rows: Rows, emulator: RunningEmulator
) -> None:
    sync.list()
    rows.update("amc_accounts", sync.instance["account_id"], profile_id=VENDOR)
    emulator.fault("query_campaigns", "not_found")

    with pytest.raises(AirflowSkipException, match="dsp of"):
        sync.list()
    assert one(sync, profile_id=SELLER, state="ENABLED")
    sync.list()
    assert {row["state"] for row in sync.campaigns() if row["profile_id"] == SELLER} == {"ARCHIVED"}
    assert one(sync, profile_id=VENDOR, state="ENABLED")


@MAY_NOT_ASK
def test_without_the_list_of_advertisers_the_accounts_own_profile_is_synced(
    sync: Sync, emulator: RunningEmulator, fault: str, failure: type[Exception]
) -> None:
    emulator.fault("list_advertisers", fault, times=None)
    assert sync.list() == 28
    assert {row["profile_id"] for row in sync.campaigns()} == {VENDOR}
    sync.performance()
    assert {row["status"] for row in sync.reports()} == {"LOADED"}

    emulator.clear_faults()
    sync.list()
    emulator.fault("list_advertisers", fault, times=None)
    with pytest.raises(failure, match=r"advertisers: .*answered HTTP 40"):
        sync.list()  # campaigns of others were known: to lose them is a failure
    assert one(sync, profile_id=SELLER, state="ENABLED")


def test_a_row_that_the_database_refuses_stops_no_other_list(
    sync: Sync, database: Database
) -> None:
    database.query(
        "ALTER TABLE campaigns ADD CONSTRAINT chk_refused CHECK (campaign_type <> 'dsp')"
    )
    try:
        with pytest.raises(PartialFailure, match=r"1 of 7 .*dsp of .*chk_refused"):
            sync.list()
    finally:
        database.query("ALTER TABLE campaigns DROP CONSTRAINT chk_refused")
    assert len(sync.campaigns()) == 56


def test_all_active_instances_are_synced(sync: Sync, europe_sync: Sync, rows: Rows) -> None:
    idle = rows.instance(is_active=False)
    keys = ListInstances(task_id="list_instances").execute({})

    assert sorted(keys) == sorted([[str(one.instance["id"])] for one in (sync, europe_sync)])
    with pytest.raises(AirflowSkipException):
        Sync(sync.database, idle).list()


@given(count=st.integers(0, 60), most=st.integers(1, 20))
def test_instances_are_dealt_out_evenly_to_no_more_groups_than_airflow_maps(
    count: int, most: int
) -> None:
    keys = [str(number) for number in range(count)]
    dealt = groups(keys, most)

    assert len(dealt) == min(count, most)
    assert sorted(itertools.chain(*dealt)) == sorted(keys)
    assert not dealt or max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_airflow_maps_over_all_groups_with_its_own_default() -> None:
    keys = [str(number) for number in range(3000)]
    assert {len(one) for one in groups(keys)} == {3}
    assert len(groups(keys)) <= 1024
    assert {len(one) for one in groups(keys[:1000])} == {1}


def test_of_a_group_one_instance_that_cannot_be_asked_stops_no_other(
    sync: Sync, europe_sync: Sync, emulator: RunningEmulator, rows: Rows
) -> None:
    both = Sync(sync.database, sync.instance, others=[europe_sync.instance])
    emulator.revoke("ENTITYDEMONORTH")
    emulator.progression("per_poll", polls=2)
    for step in (both.list, both.performance, both.date):
        step()  # what is known of one instance fails no task of others

    assert sync.campaigns() == []
    assert len(europe_sync.campaigns()) == 28
    assert {row["status"] for row in europe_sync.reports()} == {"LOADED"}
    assert rows.get("amc_instances", europe_sync.instance)["campaigns_last_sync"]
    assert rows.get("amc_instances", sync.instance)["campaigns_last_sync"] is None


@pytest.fixture
def statements(database: Database) -> Iterator[Any]:
    """Count, in the database, the statements that insert campaigns."""
    database.query(
        "CREATE TABLE counted (at TIMESTAMPTZ DEFAULT clock_timestamp());"
        "CREATE FUNCTION count_statement() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER"
        " AS 'BEGIN INSERT INTO public.counted DEFAULT VALUES; RETURN NULL; END';"
        "CREATE TRIGGER counting AFTER INSERT ON campaigns"
        " FOR EACH STATEMENT EXECUTE FUNCTION count_statement()"
    )

    def take() -> int:
        count = database.query("SELECT count(*) AS n FROM counted")[0]["n"]
        database.query("DELETE FROM counted")
        return int(count)

    yield take
    database.query("DROP FUNCTION count_statement() CASCADE; DROP TABLE counted")


def peak_bytes(sync: Sync, emulator: RunningEmulator, campaigns: int) -> int:
    counts = {"owner": VENDOR, "product": "SPONSORED_PRODUCTS", "campaigns": campaigns}
    emulator.campaigns(counts=[counts])
    tracemalloc.start()
    try:
        sync.list()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_4000_campaigns_take_a_statement_a_page_and_no_more_memory(
    sync: Sync, emulator: RunningEmulator, statements: Any
) -> None:
    sync.list()
    assert statements() == 7  # one page each
    few = peak_bytes(sync, emulator, 1000)
    assert statements() == 10 + 6
    many = peak_bytes(sync, emulator, 4000)

    assert statements() == 40 + 6
    assert len(sync.campaigns("id")) == 4000 + 45
    assert many < few + 1_000_000, (few, many)
