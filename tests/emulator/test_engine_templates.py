"""The query templates of the demo give plausible rows in every week."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from fixtures.engine_runs import EUROPE, NORTH, WEEK, records, run

TEMPLATES = Path(__file__).parents[2] / "include" / "demo" / "templates"
DEFINITIONS: dict[str, dict[str, Any]] = tomllib.loads(
    (TEMPLATES / "templates.toml").read_text(encoding="utf-8")
)
WEEKS = [datetime(2025, 3, 3, tzinfo=UTC), datetime(2024, 12, 29, tzinfo=UTC)]
PRODUCTS = {"amazon_dsp", "sponsored_products", "sponsored_brands", "sponsored_display"}
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
Row = dict[str, Any]


@cache
def report_rows(name: str, instance_id: str, start: datetime) -> list[Row]:
    defaults = {
        key: definition["default"]
        for key, definition in DEFINITIONS[name].get("parameters", {}).items()
    }
    window = {"time_window_start": start, "time_window_end": start + WEEK}
    return records(run(filled(name, defaults), instance_id, **window))


def filled(name: str, values: dict[str, Any]) -> str:
    sql = (TEMPLATES / f"{name}.sql").read_text(encoding="utf-8")
    return PLACEHOLDER.sub(lambda match: literal(values[match[1]]), sql)


def literal(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(literal, value))
    return exp.convert(value).sql()


@pytest.fixture(params=WEEKS, ids=str)
def start(request: pytest.FixtureRequest) -> datetime:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[NORTH, EUROPE])
def instance_id(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


def test_each_definition_has_its_query_and_each_query_its_definition() -> None:
    assert {path.stem for path in TEMPLATES.glob("*.sql")} == set(DEFINITIONS)
    for name, definition in DEFINITIONS.items():
        sql = (TEMPLATES / f"{name}.sql").read_text(encoding="utf-8")
        assert set(PLACEHOLDER.findall(sql)) == set(definition.get("parameters", {}))
        assert definition["difficulty_level"] in {"BEGINNER", "INTERMEDIATE", "ADVANCED"}
        assert {"name", "description", "category", "estimated_runtime", "tags"} <= set(definition)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_template_keeps_to_what_amc_documents(name: str) -> None:
    defaults = {k: d["default"] for k, d in DEFINITIONS[name].get("parameters", {}).items()}
    tree = sqlglot.parse_one(filled(name, defaults))
    ordered = [node for node in tree.find_all(exp.Order) if not node.find_ancestor(exp.Window)]
    assert not ordered
    assert not list(tree.find_all(exp.Limit, exp.Interval))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_template_gives_rows(name: str, instance_id: str, start: datetime) -> None:
    rows = report_rows(name, instance_id, start)
    assert len(rows) >= 3
    for row in rows:
        assert row.get("impressions", 1) > 0
        assert row.get("spend", 1) > 0
        assert 0 <= row.get("clicks", 0) <= row.get("impressions", 0)
        assert 0 <= row.get("viewable_impressions", 0) <= row.get("impressions", 0)
        assert row.get("reach", 0) <= row.get("impressions", 0)
        assert row.get("buyers", 0) <= row.get("purchases", 0)


def test_campaign_performance_knows_every_sponsored_product(
    instance_id: str, start: datetime
) -> None:
    rows = report_rows("sponsored_campaign_performance", instance_id, start)
    assert {row["ad_product_type"] for row in rows} == PRODUCTS - {"amazon_dsp"}
    assert all(0 < row["click_through_rate"] < 1 for row in rows)
    assert all(row["product_sales"] > row["purchases"] > 0 for row in rows)


def test_the_new_to_brand_share_is_a_share(instance_id: str, start: datetime) -> None:
    rows = report_rows("new_to_brand", instance_id, start)
    assert {row["ad_product"] for row in rows} == PRODUCTS
    assert all(0 < row["new_to_brand_share"] < 1 for row in rows)
    assert all(row["new_to_brand_product_sales"] < row["product_sales"] for row in rows)


def test_frequency_times_reach_is_impressions_below_the_cap(
    instance_id: str, start: datetime
) -> None:
    rows = report_rows("reach_and_frequency", instance_id, start)
    assert {row["frequency"] for row in rows} == {1, 2, 3, 4, 5}
    for row in rows:
        if row["frequency"] < 5:
            assert row["impressions"] == row["frequency"] * row["reach"]
        else:
            assert row["impressions"] >= 5 * row["reach"]


def test_paths_consist_of_known_products_in_order(instance_id: str, start: datetime) -> None:
    rows = report_rows("path_to_conversion", instance_id, start)
    assert len(rows) > 10
    for row in rows:
        steps = re.findall(r"\[(\d+), (\w+)\]", row["path"])
        assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
        assert {product for _, product in steps} <= PRODUCTS
        assert row["buyers"] >= 2


def test_a_shorter_path_is_cut() -> None:
    rows = records(run(filled("path_to_conversion", {"longest_path": 1})))
    assert {row["path"] for row in rows} == {f"[[1, {product}]]" for product in PRODUCTS}


def test_spans_of_time_need_a_hundred_buyers(instance_id: str, start: datetime) -> None:
    rows = report_rows("time_to_conversion", instance_id, start)
    assert all(row["buyers"] >= 100 for row in rows)


def test_people_who_saw_both_are_the_most(instance_id: str, start: datetime) -> None:
    rows = {row["exposure"]: row for row in report_rows("audience_overlap", instance_id, start)}
    assert set(rows) == {"DSP only", "sponsored ads only", "both"}
    assert max(rows.values(), key=lambda row: row["users"])["exposure"] == "both"
    assert all(0 < row["purchase_rate"] < 1 for row in rows.values())


def test_regions_are_those_of_the_country() -> None:
    for instance_id, country in ((NORTH, "US-"), (EUROPE, "DE-")):
        rows = report_rows("device_and_region", instance_id, WEEKS[0])
        assert all(row["iso_state_province_code"].startswith(country) for row in rows)
        assert {"TV", "PC", "Phone"} <= {row["device_type"] for row in rows}


def test_search_terms_obey_their_parameters() -> None:
    chosen = {"match_types": ["EXACT"], "minimum_clicks": 30}
    rows = records(run(filled("search_terms", chosen)))
    assert rows
    assert {row["match_type"] for row in rows} == {"EXACT"}
    assert min(row["clicks"] for row in rows) >= 30
