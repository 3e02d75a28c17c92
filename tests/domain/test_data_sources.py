"""What instances say of the same tables becomes one description."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.data_sources import DataSource, Field, merge_sources, read_data_source
from recomamp.errors import UnexpectedResponse

texts = st.none() | st.sampled_from(["LONG", "STRING"])
fields = st.builds(Field, name=st.sampled_from("abcd"), data_type=texts, description=texts)
sources = st.builds(
    lambda columns, **other: DataSource(
        fields=tuple(sorted(columns, key=lambda one: one.name)), **other
    ),
    st.lists(fields, unique_by=lambda one: one.name),
    name=st.sampled_from(["x", "y"]),
    is_shared=st.just(True),
    description=texts,
)


def described(**changes: Any) -> dict[str, Any]:
    return {
        "dataSourceId": "dsp_impressions",
        "description": "Impressions",
        "owner": "AMAZON",
        "provider": "AMAZON",
        "columns": [
            {"name": "n", "dataType": "LONG", "columnType": "METRIC", "sensitivity": "NONE"},
            {"name": "campaign", "dataType": "STRING", "columnType": "DIMENSION"},
        ],
        **changes,
    }


def test_a_table_is_read_with_its_columns_in_order() -> None:
    source = read_data_source(described())
    assert [field.name for field in source.fields] == ["campaign", "n"]
    assert source.fields[1] == Field(
        name="n", data_type="LONG", column_type="METRIC", sensitivity="NONE"
    )
    assert (source.category, source.table_type) == ("impressions", "fact")
    assert source.display_name == "Dsp impressions"


@pytest.mark.parametrize(
    ("changes", "is_shared"),
    [
        ({}, True),
        ({"owner": None}, False),
        ({"provider": None}, False),
        ({"owner": None, "provider": None}, False),
        ({"provider": 1}, False),
        ({"owner": "CUSTOMER"}, False),
        ({"provider": "ADVERTISER_DATA_UPLOAD"}, False),
        ({"owner": "SOMEBODY_NEW"}, False),
    ],
    ids=str,
)
def test_only_amazons_own_tables_are_shared(changes: dict[str, Any], is_shared: bool) -> None:
    assert read_data_source(described(**changes)).is_shared is is_shared


@pytest.mark.parametrize(
    "changes",
    [{"dataSourceId": ""}, {"columns": "all"}, {"columns": [{"dataType": "LONG"}]}],
    ids=str,
)
def test_a_description_without_names_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedResponse):
        read_data_source(described(**changes))


def test_words_are_read_as_they_can_be_stored() -> None:
    source = read_data_source(described(description="Clicks\0 of \ud800"))
    assert source.description == "Clicks of ?"


def test_an_array_type_may_be_an_object() -> None:
    kind = {"type": "ARRAY", "elementDataType": "LONG"}
    (field,) = read_data_source(described(columns=[{"name": "ids", "dataType": kind}])).fields
    assert field.data_type == "ARRAY<LONG>"


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("amazon_attributed_events_by_traffic_time", "conversions"),
        ("dsp_clicks", "clicks"),
        ("dsp_views", "views"),
        ("sponsored_ads_traffic", "traffic"),
        ("audience_segments_amer", "audiences"),
        ("weather", "other"),
    ],
)
def test_the_name_tells_the_category(name: str, category: str) -> None:
    assert read_data_source(described(dataSourceId=name)).category == category


@given(st.lists(sources))
def test_uniting_loses_no_table_and_no_column(offers: list[DataSource]) -> None:
    united = merge_sources(offers)
    assert [one.name for one in united] == sorted({one.name for one in offers})
    for one in united:
        told = {field.name for offer in offers if offer.name == one.name for field in offer.fields}
        assert [field.name for field in one.fields] == sorted(told)


@given(st.lists(sources))
def test_what_one_tells_and_another_does_not_is_known(offers: list[DataSource]) -> None:
    for one in merge_sources(offers):
        for field in one.fields:
            told = [
                other.data_type
                for offer in offers
                if offer.name == one.name
                for other in offer.fields
                if other.name == field.name
            ]
            assert field.data_type == next((kind for kind in told if kind), None)


@given(st.lists(sources))
def test_uniting_again_changes_nothing(offers: list[DataSource]) -> None:
    assert merge_sources(merge_sources(offers)) == merge_sources(offers)
    assert merge_sources([*offers, *offers]) == merge_sources(offers)
