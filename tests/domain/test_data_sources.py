"""What instances say of the same tables becomes one description."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.data_sources import (
    DataSource,
    Field,
    fields_from,
    fields_to,
    merge_sources,
    read_data_source,
)
from recomamp.errors import UnexpectedResponse

texts = st.none() | st.sampled_from(["LONG", "STRING"])
WORDS = ("data_type", "column_type", "sensitivity", "description")
fields = st.builds(Field, name=st.sampled_from("abcd"), **dict.fromkeys(WORDS, texts))
sources = st.builds(
    lambda columns, **other: DataSource(
        fields=tuple(sorted(columns, key=lambda one: one.name)), **other
    ),
    st.lists(fields, unique_by=lambda one: one.name),
    name=st.sampled_from(["x", "y"]),
    is_shared=st.booleans(),
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
            {"name": "campaign", "dataType": "STRING", "description": "Its name"},
        ],
        **changes,
    }


def test_a_table_is_read_with_its_columns_in_order() -> None:
    source = read_data_source(described())
    assert [field.name for field in source.fields] == ["campaign", "n"]
    assert source.fields[0] == Field(name="campaign", data_type="STRING", description="Its name")
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
    ("changes", "problem"),
    [
        ({"dataSourceId": ""}, "no dataSourceId"),
        ({"columns": "all"}, "^a data source was described without a list of columns"),
        ({"columns": {"name": "n"}}, "without a list of columns"),
        ({"columns": ["n"]}, "without a list of columns"),
        ({"columns": [{"dataType": "LONG"}]}, "no name"),
    ],
    ids=str,
)
def test_a_description_without_names_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(UnexpectedResponse, match=problem):
        read_data_source(described(**changes))


@pytest.mark.parametrize("columns", [None, []])
def test_a_table_may_have_no_columns(columns: object) -> None:
    source = read_data_source(described(columns=columns))
    assert (source.fields, source.table_type) == ((), "dimension")


def test_the_database_gives_back_the_columns_that_it_got() -> None:
    source = read_data_source(described())
    assert fields_from(fields_to(source)) == source.fields


def test_words_are_read_as_they_can_be_stored() -> None:
    source = read_data_source(described(description="Clicks\0 of \ud800"))
    assert source.description == "Clicks of ?"


@pytest.mark.parametrize(
    ("kind", "data_type"),
    [
        ({"type": "ARRAY", "elementDataType": "LONG"}, "ARRAY<LONG>"),
        (
            {"type": "ARRAY", "elementDataType": {"type": "ARRAY", "elementDataType": "LONG"}},
            "ARRAY<ARRAY<LONG>>",
        ),
        ({"type": "ARRAY"}, "ARRAY"),
        ({"elementDataType": "LONG"}, None),
        ("", None),
        (7, None),
    ],
    ids=str,
)
def test_a_type_may_be_an_object_and_is_none_where_no_word_says_it(
    kind: object, data_type: str | None
) -> None:
    (field,) = read_data_source(described(columns=[{"name": "ids", "dataType": kind}])).fields
    assert field.data_type == data_type


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


def test_the_first_offer_counts_and_the_others_fill_its_gaps() -> None:
    first = DataSource(
        name="x",
        is_shared=True,
        description=None,
        fields=(Field(name="b", data_type="LONG", sensitivity="NONE"), Field(name="d")),
    )
    second = DataSource(
        name="x",
        is_shared=False,
        description="Of the second",
        fields=(
            Field(name="a"),
            Field(
                name="b",
                data_type="STRING",
                column_type="METRIC",
                sensitivity="HIGH",
                description="Of the second",
            ),
        ),
    )
    other = DataSource(name="w", is_shared=True, description=None, fields=())
    united = Field(
        name="b",
        data_type="LONG",
        column_type="METRIC",
        sensitivity="NONE",
        description="Of the second",
    )
    assert merge_sources([first, other, second]) == [
        other,
        DataSource(
            name="x",
            is_shared=False,
            description="Of the second",
            fields=(Field(name="a"), united, Field(name="d")),
        ),
    ]


@given(st.lists(sources))
def test_uniting_loses_no_table_and_no_column(offers: list[DataSource]) -> None:
    united = merge_sources(offers)
    assert [one.name for one in united] == sorted({one.name for one in offers})
    for one in united:
        known = {field.name for offer in offers if offer.name == one.name for field in offer.fields}
        assert [field.name for field in one.fields] == sorted(known)


@given(st.lists(sources))
def test_what_one_tells_and_another_does_not_is_known(offers: list[DataSource]) -> None:
    for one in merge_sources(offers):
        of_table = [offer for offer in offers if offer.name == one.name]
        assert one.description == first_word(offer.description for offer in of_table)
        for field in one.fields:
            known = [
                other for offer in of_table for other in offer.fields if other.name == field.name
            ]
            for word in WORDS:
                assert getattr(field, word) == first_word(getattr(other, word) for other in known)


def first_word(known: Iterable[str | None]) -> str | None:
    return next((word for word in known if word), None)


@given(st.lists(sources))
def test_a_table_is_shared_where_all_offers_say_so(offers: list[DataSource]) -> None:
    for one in merge_sources(offers):
        assert one.is_shared is all(offer.is_shared for offer in offers if offer.name == one.name)


@given(st.lists(sources))
def test_uniting_again_changes_nothing(offers: list[DataSource]) -> None:
    assert merge_sources(merge_sources(offers)) == merge_sources(offers)
    assert merge_sources([*offers, *offers]) == merge_sources(offers)
