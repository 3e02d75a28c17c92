"""The tables the engine knows are the ones Amazon documents."""

from __future__ import annotations

import pytest

from amc_emulator.engine import QueryRejected
from amc_emulator.engine.catalogue import Threshold, describe_data_sources, load_catalogue
from fixtures.engine_runs import EUROPE, NORTH, run, shared_engine, values

# Names and numbers of columns of Amazon's pages of data sources
COLUMN_COUNTS = {
    "adserver_conversions": 41,
    "adserver_conversions_with_brand": 42,
    "adserver_conversions_with_relevance": 42,
    "adserver_traffic": 129,
    "adserver_traffic_by_user_segments": 132,
    "amazon_attributed_events_by_conversion_time": 217,
    "amazon_attributed_events_by_traffic_time": 217,
    "amazon_brand_store_engagement_events": 22,
    "amazon_brand_store_engagement_events_non_endemic": 22,
    "amazon_brand_store_page_views": 18,
    "amazon_brand_store_page_views_non_endemic": 18,
    "amazon_pvc_enrollments": 21,
    "amazon_pvc_streaming_events_feed": 40,
    "amazon_retail_purchases": 27,
    "amazon_your_garage": 17,
    **{
        f"audience_segments_{region}_{kind}{ending}": 7
        for region in ("amer", "apac", "eu")
        for kind in ("inmarket", "lifestyle")
        for ending in ("", "_snapshot")
    },
    "conversions": 29,
    "conversions_all": 30,
    "conversions_with_relevance": 52,
    "dsp_clicks": 97,
    "dsp_impressions": 98,
    "dsp_impressions_by_matched_segments": 102,
    "dsp_impressions_by_user_segments": 102,
    "dsp_video_events_feed": 113,
    "dsp_views": 66,
    "experian_vehicle_purchases": 13,
    "ncs_cpg_insights_stream": 13,
    "segment_metadata": 8,
    "sponsored_ads_traffic": 73,
}
ELSEWHERE = {
    NORTH: ("audience_segments_apac_", "audience_segments_eu_"),
    EUROPE: ("audience_segments_apac_", "audience_segments_amer_"),
}
# Columns without any value, and why
ALWAYS_NULL = {
    ("dsp_video_events_feed", "page_type"): "pages of Amazon's shop show no videos",
}


def test_the_tables_are_those_that_amazon_documents() -> None:
    assert {name: len(table.columns) for name, table in load_catalogue().items()} == COLUMN_COUNTS


@pytest.mark.parametrize(
    ("instance_id", "table"),
    [
        *((NORTH, table) for table in COLUMN_COUNTS),
        *((EUROPE, table) for table in COLUMN_COUNTS if table.startswith("audience_segments_")),
    ],
)
def test_every_column_of_a_table_has_values(table: str, instance_id: str) -> None:
    columns = load_catalogue()[table].columns
    # Every column, whatever its class, may at least be counted.
    counted = ", ".join(f'COUNT("{name}") AS n{n}' for n, name in enumerate(columns))
    rows = run(f"SELECT {counted} FROM {table}", instance_id).rows
    if table.startswith(ELSEWHERE[instance_id]):
        assert rows == []
        return
    without = {(table, name) for name, n in zip(columns, rows[0], strict=True) if n == 0}
    assert without == {one for one in ALWAYS_NULL if one[0] == table}


def test_a_star_in_the_catalogue_stands_for_three_columns() -> None:
    columns = load_catalogue()["amazon_attributed_events_by_traffic_time"].columns
    assert {"total_purchases", "total_purchases_clicks", "total_purchases_views"} <= set(columns)
    assert not [name for name in columns if "*" in name]


@pytest.mark.parametrize(
    ("threshold", "users"),
    [("NONE", 1), ("LOW", 2), ("MEDIUM", 100), ("HIGH", 100)],
)
def test_a_class_needs_its_documented_number_of_users(threshold: str, users: int) -> None:
    assert Threshold[threshold].users == users


def test_data_sources_describe_each_column() -> None:
    sources = {one["dataSourceId"]: one for one in shared_engine().data_sources()}
    assert set(sources) == set(load_catalogue())
    columns = {c["name"]: c for c in sources["dsp_impressions"]["columns"]}
    assert columns["postal_code"] == {
        "name": "postal_code",
        "dataType": "STRING",
        "columnType": "DIMENSION",
        "sensitivity": "HIGH",
    }
    assert columns["total_cost"]["columnType"] == "METRIC"


def test_paid_tables_belong_to_a_dataset() -> None:
    every = {one["dataSourceId"]: one for one in describe_data_sources()}
    none = {one["dataSourceId"] for one in describe_data_sources(frozenset())}
    paid = {one["dataSourceId"] for one in describe_data_sources({"Brand Store insights"})} - none
    assert paid == {name for name in every if name.startswith("amazon_brand_store_")}
    assert {name for name, one in every.items() if one["isPremium"]} == set(every) - none
    assert {"dsp_video_events_feed", "dsp_impressions_by_user_segments"} <= none
    assert "conversions_all" not in none


def test_a_dataset_that_the_instance_lacks_cannot_be_queried() -> None:
    sql = "SELECT COUNT(*) AS n FROM conversions_all"
    assert values(sql, datasets=frozenset({"Flexible Shopping insights"}))
    with pytest.raises(QueryRejected, match="Object 'conversions_all' not found"):
        run(sql, datasets=frozenset())
