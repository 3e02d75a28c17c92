"""Products against a real database, in the pipeline's own role, and the emulator."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from cryptography.fernet import Fernet

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.tenants import PipelineDatabase
from recomamp.errors import PartialFailure, PipelineError
from recomamp.pipeline.asins.operator import SyncAsins
from recomamp.pipeline.asins.sync import sync_asins
from recomamp.pipeline.hooks import AmcHook

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 5, 4, 6, tzinfo=UTC)
US, SELLER, CANADA, GERMANY = (
    "1108400000000001",
    "1108400000000002",
    "1108400000000003",
    "2208400000000001",
)
ENTERED = {
    "review_count": 12,
    "average_rating": Decimal("4.5"),
    "tags": ["mine"],
    "notes": "a gift",
    "parent_asin": "B0PARENT00",
    "variation_theme": "Color",
    "dimensions": {"height": 3},
    "weight": Decimal("1.250"),
}


def sync(at: datetime = NOW) -> None:
    hook = PipelineDatabase()
    sync_asins(database=hook, amazon=AmcHook(database=hook), now=at)


@pytest.fixture
def put(rows: Rows, instance: Row) -> Callable[..., Row]:
    """Insert a product of the instance's owner."""

    def put(number: int = 1, **columns: Any) -> Row:
        own = {"asin": f"B{number:09}", "user_id": instance["user_id"]}
        return rows.insert("asins", **{**own, **columns})

    return put


@pytest.fixture
def european(rows: Rows, connections: None, fernet_key: str) -> Row:
    """Insert a second user, with an instance in Europe."""
    return rows.instance(
        user=rows.user(
            encrypted_refresh_token=Fernet(fernet_key).encrypt(b"Atzr|demo-europe").decode()
        ),
        account=rows.account(account_id="ENTITYDEMOEUROPE", country_code="DE"),
        instance_id="amcdemoeurope",
        region="eu-west-1",
    )


def lookups(emulator: RunningEmulator) -> list[dict[str, Any]]:
    return emulator.calls("product_metadata")


def everything(database: Database) -> list[Row]:
    return database.query("SELECT *, xmin::TEXT AS version FROM asins ORDER BY id")


def test_products_are_described_as_amazon_does(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator
) -> None:
    row = put(**ENTERED)
    emulator.products(
        change={
            row["asin"]: {
                "title": "Steel kettle",
                "brand": "Acme",
                "category": "Kettles",
                "imageUrl": "https://images.example/1.jpg",
                "priceToPay": {"amount": 19.99, "currency": "USD"},
                "bestSellerRank": "1,204",
            }
        }
    )
    sync()
    after = rows.get("asins", row)
    told = {
        "title": "Steel kettle", "brand": "Acme", "category": "Kettles",
        "image_url": "https://images.example/1.jpg", "price": Decimal("19.99"),
        "price_currency": "USD", "sales_rank": 1204, "profile_id": US,
        "validation_status": "FOUND", "validation_checked_at": NOW, "last_validated_at": NOW,
    }  # fmt: skip
    assert {name: after[name] for name in told} == told
    untouched = {name for name in row if name not in told} - {"updated_at"}
    assert {name: after[name] for name in untouched} == {name: row[name] for name in untouched}


def test_what_amazon_leaves_out_stays_as_it_was(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator
) -> None:
    entered = {"title": "T", "brand": "B", "category": "C", "image_url": "I", "sales_rank": 3}
    row = put(price=Decimal("5.00"), price_currency="CHF", **entered)
    gone = ("title", "brand", "category", "imageUrl", "bestSellerRank", "priceToPay", "basisPrice")
    emulator.products(change={row["asin"]: dict.fromkeys(gone)})
    sync()
    after = rows.get("asins", row)
    assert {name: after[name] for name in entered} == entered
    assert (after["price"], after["price_currency"]) == (Decimal("5.00"), "CHF")
    assert after["validation_status"] == "FOUND"


def test_a_second_sync_of_the_day_asks_nothing_and_changes_no_row(
    put: Callable[..., Row], database: Database, emulator: RunningEmulator
) -> None:
    for number in range(3):
        put(number)
    emulator.products(unknown=["B000000002"])
    sync()
    before, calls = everything(database), len(emulator.calls())
    sync(NOW + timedelta(hours=2))
    assert everything(database) == before
    assert len(emulator.calls()) == calls


def test_the_next_day_dates_what_is_as_it_was_and_changes_nothing_else(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator
) -> None:
    row = put()
    sync()
    before = rows.get("asins", row)
    sync(NOW + timedelta(days=1))
    dated = dict.fromkeys(("validation_checked_at", "last_validated_at"), NOW + timedelta(days=1))
    assert rows.get("asins", row) == {**before, **dated}


def test_an_asin_that_no_profile_knows_is_noted_and_keeps_what_it_had(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator
) -> None:
    row = put()
    sync()
    known = rows.get("asins", row)
    emulator.products(unknown=[row["asin"]])
    sync(NOW + timedelta(days=1))
    after = rows.get("asins", row)
    assert (after["validation_status"], after["last_validated_at"]) == ("NOT_FOUND", NOW)
    assert after["validation_checked_at"] == NOW + timedelta(days=1)
    kept = ("title", "price", "price_currency", "sales_rank", "profile_id", "is_active")
    assert {name: after[name] for name in kept} == {name: known[name] for name in kept}
    asked = {call["status"] for call in lookups(emulator)}
    assert asked == {200}
    assert len(lookups(emulator)) == 1 + 3  # found by the first profile, then missed by all


def test_each_product_is_described_by_the_profile_that_knows_it(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator
) -> None:
    first, second, third = (put(number) for number in range(3))
    emulator.products(owners={second["asin"]: int(CANADA), third["asin"]: int(SELLER)})
    sync()
    told = [rows.get("asins", one) for one in (first, second, third)]
    assert [one["profile_id"] for one in told] == [US, CANADA, SELLER]
    assert [one["price_currency"] for one in told] == ["USD", "CAD", "USD"]
    before = len(lookups(emulator))
    sync(NOW + timedelta(days=1))
    assert len(lookups(emulator)) == before + 3  # each at once by its own
    assert rows.get("asins", second)["profile_id"] == CANADA


def test_inactive_products_and_those_of_inactive_users_are_not_asked_about(
    put: Callable[..., Row], rows: Rows, european: Row, emulator: RunningEmulator
) -> None:
    put(is_active=False)
    put(2, user_id=european["user_id"])
    rows.update("users", european["user_id"], is_active=False)
    sync()
    assert emulator.calls() == []


def test_a_user_without_an_instance_is_named_and_fails_nothing(
    put: Callable[..., Row], rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    homeless = rows.user()
    row = put(user_id=homeless["id"])
    with caplog.at_level("INFO"):
        sync()
    assert rows.get("asins", row)["validation_checked_at"] is None
    assert f"{homeless['id']}  0      0          1                the user has no" in caplog.text


def test_ten_thousand_products_take_one_call_and_one_statement_a_batch(
    instance: Row, database: Database, emulator: RunningEmulator
) -> None:
    database.query(
        "INSERT INTO asins (asin, user_id)"
        " SELECT 'B' || lpad(n::TEXT, 9, '0'), %s FROM generate_series(1, 10000) AS n",
        [instance["user_id"]],
    )
    database.query(
        "CREATE SEQUENCE IF NOT EXISTS statements;"
        " CREATE OR REPLACE FUNCTION note_statement() RETURNS TRIGGER LANGUAGE plpgsql"
        " SECURITY DEFINER AS $$ BEGIN PERFORM nextval('statements'); RETURN NULL; END; $$;"
        " CREATE TRIGGER note_statement AFTER UPDATE ON asins"
        " FOR EACH STATEMENT EXECUTE FUNCTION note_statement()"
    )
    try:
        sync()
        (counted,) = database.query("SELECT last_value FROM statements")
    finally:
        database.query("DROP FUNCTION note_statement CASCADE; DROP SEQUENCE statements")
    assert (len(lookups(emulator)), counted["last_value"]) == (34, 34)
    found = database.query("SELECT COUNT(*) AS n FROM asins WHERE validation_status = 'FOUND'")
    assert found == [{"n": 10_000}]


def test_a_batch_that_fails_leaves_the_others_and_is_asked_about_again(
    put: Callable[..., Row],
    database: Database,
    emulator: RunningEmulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(900):
        put(number)
    # The 400 is about this batch, so the third is still asked
    emulator.products(unknown=["B000000450"])
    emulator.fault("product_metadata", "forbidden", skip=1)
    sync()
    assert re.search(r"user .* are not asked about: .*HTTP 403", caplog.text)
    counts = "SELECT validation_status AS s, COUNT(*)::INT AS n FROM asins GROUP BY 1 ORDER BY 1"
    assert database.query(counts) == [{"s": "FOUND", "n": 300}, {"s": None, "n": 600}]
    before = len(lookups(emulator))
    sync(NOW + timedelta(minutes=5))
    assert database.query(counts) == [{"s": "FOUND", "n": 899}, {"s": "NOT_FOUND", "n": 1}]
    # Two batches of the rest, then the missing one of the other two profiles
    assert len(lookups(emulator)) == before + 4


def test_a_seller_that_cannot_be_asked_makes_no_product_missing(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator
) -> None:
    known, elsewhere = put(1), put(2)
    emulator.products(owners={elsewhere["asin"]: int(CANADA)})
    emulator.fault("product_metadata", "forbidden", skip=1)
    sync()
    assert rows.get("asins", known)["validation_status"] == "FOUND"
    assert rows.get("asins", elsewhere)["validation_status"] is None
    sync(NOW + timedelta(minutes=5))
    assert rows.get("asins", elsewhere)["profile_id"] == CANADA


def test_throttling_is_waited_out(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator, database: Database
) -> None:
    row = put()
    emulator.fault("product_metadata", "throttle", times=2, retry_after=0)
    sync()
    assert rows.get("asins", row)["validation_status"] == "FOUND"
    errors = database.query("SELECT operation, status FROM amc_api_errors")
    assert errors == [{"operation": "product_metadata", "status": 429}] * 2


def test_a_withdrawn_consent_stops_no_other_user_and_is_logged(
    put: Callable[..., Row],
    rows: Rows,
    european: Row,
    emulator: RunningEmulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours, theirs = put(), put(user_id=european["user_id"])
    emulator.revoke("ENTITYDEMOEUROPE")
    sync()
    assert re.search(rf"user {european['user_id']} are not asked about: .*sign in", caplog.text)
    assert f"user {ours['user_id']}" not in caplog.text
    assert rows.get("asins", ours)["validation_status"] == "FOUND"
    assert rows.get("asins", theirs)["validation_status"] is None


def test_one_asin_of_two_users_is_asked_about_by_each_for_himself(
    put: Callable[..., Row], rows: Rows, european: Row
) -> None:
    mine, theirs = put(), put(user_id=european["user_id"])
    sync()
    assert rows.get("asins", mine)["price_currency"] == "USD"
    assert rows.get("asins", theirs)["price_currency"] == "EUR"
    assert rows.get("asins", theirs)["profile_id"] == GERMANY


def test_a_corrected_asin_starts_anew(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator
) -> None:
    row = put()
    sync()
    corrected = rows.update("asins", row, asin="B000000009")
    assert corrected["validation_status"] is corrected["last_validated_at"] is None
    assert corrected["profile_id"] is corrected["validation_checked_at"] is None
    sync(NOW + timedelta(minutes=1))
    assert rows.get("asins", row)["last_validated_at"] == NOW + timedelta(minutes=1)


def test_an_answer_without_a_list_makes_no_product_missing(
    put: Callable[..., Row], rows: Rows, emulator: RunningEmulator
) -> None:
    row = put()
    emulator.fault("product_metadata", "html_body", times=None)
    with pytest.raises(PipelineError):
        sync_quickly()
    assert rows.get("asins", row)["validation_checked_at"] is None


def sync_quickly() -> None:
    """Sync with one try of each call."""
    from recomamp.amazon.retry import RetryPolicy
    from recomamp.pipeline.asins import sync as asins_sync

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asins_sync, "SYNC_RETRY", RetryPolicy(attempts=1))
        sync()


def test_the_task_fails_for_good_only_where_no_retry_can_help(
    put: Callable[..., Row], emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    operator = SyncAsins(task_id="sync_asins")
    with monkeypatch.context() as patch:
        patch.delenv("AIRFLOW_CONN_AMAZON_ADS")
        with pytest.raises(PartialFailure, match="AIRFLOW_CONN_AMAZON_ADS") as failed:
            operator.execute({})
        assert failed.value.is_final
    emulator.fault("list_profiles", "forbidden")
    operator.execute({})  # known of one user, and no failure of the work for all
    operator.execute({})
    assert len(lookups(emulator)) == 1


def test_the_dag_runs_daily_one_at_a_time_from_the_start() -> None:
    bag = DagBag(collect_dags=False, bundle_path=ROOT / "dags", bundle_name="dags")
    bag.process_file(str(ROOT / "dags" / "recomamp_asins_sync.py"), only_if_updated=False)
    assert bag.import_errors == {}
    dag = bag.dags["recomamp_asins_sync"]
    assert (dag.max_active_runs, dag.catchup, dag.tags) == (1, False, {"recomamp"})
    assert dag.is_paused_upon_creation is False
    assert [task.task_id for task in dag.tasks] == ["sync_asins"]
    assert dag.tasks[0].retries >= 2
