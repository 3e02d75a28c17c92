"""Files of reports are read exactly, a little at a time, and never bent."""

from __future__ import annotations

import gzip
import json
import random
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.errors import InvalidResults, LimitExceeded
from recomamp.store import ads_report_file
from recomamp.store.ads_report_file import DayFields, ReportedDay, read_array, read_days

FIELDS = DayFields(campaign="campaignId", cost="cost", sales="sales14d")
ROW = {
    "campaignId": 158410630682987,
    "date": "2026-05-04",
    "impressions": 1200,
    "clicks": 7,
    "cost": 0.1,
    "sales14d": 1234567.89,
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports") / "report.json.gz"


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode("utf-8", "surrogatepass")))
    return path


def rows(path: Path, *rows: dict[str, Any]) -> list[ReportedDay]:
    return list(read_days(write(path, json.dumps(rows)), FIELDS))


def test_a_row_is_read_exactly(path: Path) -> None:
    assert rows(path, ROW) == [
        ReportedDay(
            campaign_id="158410630682987",
            date=date(2026, 5, 4),
            impressions=1200,
            clicks=7,
            spend=Decimal("0.1"),
            sales=Decimal("1234567.89"),
        )
    ]


def test_nothing_is_zero_and_other_columns_are_ignored(path: Path) -> None:
    (day,) = rows(path, {**ROW, "clicks": None, "cost": None, "new": "column"})
    assert (day.clicks, day.spend) == (0, 0)


def test_an_empty_report_has_no_rows(path: Path) -> None:
    assert rows(path) == []


@given(items=st.lists(VALUES, max_size=6), size=st.integers(1, 40), blanks=st.booleans())
def test_any_array_is_read_however_it_is_cut(
    path: Path, items: list[Any], size: int, blanks: bool
) -> None:
    text = json.dumps(items, indent=3 if blanks else None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ads_report_file, "CHUNK_CHARS", size)
        assert list(read_array(write(path, text))) == items


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[", "[1", "[1,", "[1 2]", "[1,]", "[,1]", "[1]]", "[1] x", "nonsense", "[NaN]"],
)
def test_what_is_no_array_is_broken(path: Path, text: str) -> None:
    with pytest.raises(InvalidResults, match="not a whole JSON array"):
        list(read_array(write(path, text)))


def test_a_file_that_is_cut_or_not_compressed_is_broken(path: Path) -> None:
    # Noise, or there would be nothing left to cut
    noise = [random.Random(one).random() for one in range(1000)]  # noqa: S311
    content = write(path, json.dumps(noise)).read_bytes()
    for damaged in (content[: len(content) // 2], content[:-4], b"[]", b""):
        path.write_bytes(damaged)
        with pytest.raises(InvalidResults):
            list(read_array(path))


def test_a_row_without_an_end_is_not_read_for_ever(path: Path) -> None:
    write(path, '["' + "x" * 3_000_000)
    with pytest.raises(InvalidResults, match="breaks off"):
        list(read_array(path))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"campaignId": None}, "None is not an id"),
        ({"campaignId": True}, "True is not an id"),
        ({"date": "yesterday"}, "yesterday"),
        ({"cost": [1]}, "is not a number"),
        ({"cost": "dear"}, "InvalidOperation"),
        ({"clicks": "NaN"}, "is not a number"),
        ({"clicks": 1.5}, "is not a whole number"),
        ({"clicks": "1e999999"}, "is not a number"),
    ],
)
def test_a_row_that_is_not_as_asked_for_is_broken(
    path: Path, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidResults, match=f"row 2 of the report.*{problem}"):
        rows(path, ROW, {**ROW, **changes})


def test_an_id_is_read_as_it_can_be_stored(path: Path) -> None:
    (row,) = rows(path, {**ROW, "campaignId": "7\0\ud800"})
    assert row.campaign_id == "7?"


def test_a_column_that_is_missing_is_broken(path: Path) -> None:
    with pytest.raises(InvalidResults, match=r"row 1 of the report.*sales14d"):
        rows(path, {name: value for name, value in ROW.items() if name != "sales14d"})


def test_no_more_is_unpacked_than_any_report_has(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ads_report_file, "MAX_REPORT_CHARS", 10**6)
    assert list(read_array(write(path, "[" + " " * (10**6 - 2) + "]"))) == []
    with pytest.raises(LimitExceeded, match="larger than 1000000 characters"):
        list(read_array(write(path, "[" + " " * 10**7 + "]")))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        f"[{'[' * 30_000}{']' * 30_000}]",
        f"[{'1' * 5_000}]",
        f"[{'1' * 3_000_000}]",
        '{"item": [1]}',
    ],
    ids=["depth", "closed", "digits", "number", "object"],
)
def test_a_report_that_would_harm_another_parser_is_refused(path: Path, text: str) -> None:
    with pytest.raises(InvalidResults):
        list(read_array(write(path, text)))


def test_the_last_of_two_values_under_one_name_counts(path: Path) -> None:
    assert list(read_array(write(path, '[{"a": 1, "a": 2}]'))) == [{"a": 2}]
