"""The result that loading is measured with."""

from __future__ import annotations

from pathlib import Path

import duckdb

from bench.result_parts import COLUMNS, read_csv, write_parts


def test_the_same_bytes_are_written_whenever_they_are(tmp_path: Path) -> None:
    first, second = (write_parts(tmp_path / name, 4000) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert len({path.read_bytes() for path in first}) == 4


def test_it_holds_what_readers_of_csv_stumble_over(tmp_path: Path) -> None:
    write_parts(tmp_path, 4000)
    counts = """
        count(*),
        count(DISTINCT user_segment) > 3900,
        bool_and(campaign_id > 2 ** 53),
        bool_or(campaign IS NULL),
        bool_or(campaign = ''),
        bool_or(campaign LIKE '%"sale", %'),
        bool_or(impressions IS NULL),
        bool_or(spend IS NULL),
        max(length(CAST(spend AS VARCHAR))) >= 25
    """
    with duckdb.connect() as connection:
        row = connection.execute(f"SELECT {counts} FROM {read_csv(tmp_path)}").fetchone()
        names = [
            column[0] for column in connection.execute(f"FROM {read_csv(tmp_path)}").description
        ]
    assert row == (4000, *[True] * 8)
    assert names == list(COLUMNS)
