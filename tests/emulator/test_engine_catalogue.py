"""The tables the engine knows are the ones Amazon documents."""

from __future__ import annotations

import pytest

from amc_emulator.engine.catalogue import Threshold, load_catalogue
from fixtures.engine_runs import shared_engine, values


@pytest.mark.parametrize(
    ("table", "count"),
    [
        ("dsp_impressions", 98),
        ("dsp_clicks", 97),
        ("dsp_views", 66),
        ("sponsored_ads_traffic", 73),
        ("amazon_attributed_events_by_conversion_time", 217),
        ("amazon_attributed_events_by_traffic_time", 217),
        ("conversions", 29),
        ("conversions_with_relevance", 52),
    ],
)
def test_a_table_has_all_its_documented_columns_and_each_can_be_read(
    table: str, count: int
) -> None:
    columns = load_catalogue()[table].columns
    assert len(columns) == count
    # Every column, whatever its class, may at least be counted.
    counted = ", ".join(f'COUNT("{name}") AS n{n}' for n, name in enumerate(columns))
    assert len(values(f"SELECT {counted} FROM {table}")[0]) == count


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
