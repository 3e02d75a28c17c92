"""Rows that privacy has changed are counted, and AMC's columns about them are not stored."""

from __future__ import annotations

import csv
import io
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fixtures.results import PAIR, document, read, run_python, store, write
from recomamp.domain.amc_options import FLAG_COLUMN, REASON_COLUMN, PrivacyFiltering
from recomamp.domain.hidden_rows import HiddenRows, reason_of
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import InvalidResults, UnexpectedResponse

FLAG = OutputColumn(name=FLAG_COLUMN, data_type="BOOLEAN")
REASON = OutputColumn(name=REASON_COLUMN)
COLUMNS = (*PAIR, FLAG, REASON)
HEADER = f"a,b,{FLAG_COLUMN},{REASON_COLUMN}\n"
USERS = "'dsp_impressions' users < 100 required"
REMOVE_ROWS, REMOVE_VALUES = PrivacyFiltering.REMOVE_ROWS, PrivacyFiltering.REMOVE_VALUES


def test_flagged_rows_are_removed_and_counted_by_reason(tmp_path: Path) -> None:
    parts = write(
        tmp_path,
        f"{HEADER}1,x,false,\n2,,true,97 {USERS}\n",
        f"{HEADER}3,,true,8 {USERS}\n4,,true,\n",
    )
    stored = store(tmp_path, parts, COLUMNS, hidden_rows=REMOVE_ROWS)
    assert read(stored).to_pydict() == {"a": [1], "b": ["x"]}
    assert stored.rows == 1
    assert document(stored)["data"] == [{"a": 1, "b": "x"}]
    assert [one["name"] for one in document(stored)["schema"]["fields"]] == ["a", "b"]
    reasons = {USERS: 2, "AMC gave no reason": 1}
    assert stored.hidden == HiddenRows(removed=3, blanked=0, reasons=reasons)


def test_blanked_rows_stay_where_values_are_removed(tmp_path: Path) -> None:
    parts = write(tmp_path, f"{HEADER}1,x,false,\n2,,true,97 {USERS}\n")
    stored = store(tmp_path, parts, COLUMNS, hidden_rows=REMOVE_VALUES)
    assert read(stored).to_pydict() == {"a": [1, 2], "b": ["x", None]}
    assert stored.hidden == HiddenRows(removed=0, blanked=1, reasons={USERS: 1})


@pytest.mark.parametrize(("flags", "removed"), [(["true", "true"], 2), ([], 0), (["", "false"], 0)])
def test_no_rows_because_of_privacy_and_no_data_are_told_apart(
    tmp_path: Path, flags: list[str], removed: int
) -> None:
    parts = write(tmp_path, HEADER + "".join(f"1,x,{flag},\n" for flag in flags))
    stored = store(tmp_path, parts, COLUMNS, hidden_rows=REMOVE_ROWS)
    assert stored.hidden is not None
    assert (stored.rows, stored.hidden.removed) == (len(flags) - removed, removed)


def test_a_result_that_was_not_asked_for_flags_is_stored_as_it_is(tmp_path: Path) -> None:
    parts = write(tmp_path, f"{HEADER}1,x,true,r\n")
    stored = store(tmp_path, parts, COLUMNS)
    assert read(stored).num_columns == 4
    assert stored.hidden is None


def test_a_result_without_the_flags_is_stored_and_not_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = write(tmp_path, f"a,b,{REASON_COLUMN}\n1,x,\n")
    with caplog.at_level(logging.WARNING):
        stored = store(tmp_path, parts, (*PAIR, REASON), hidden_rows=REMOVE_ROWS)
    assert read(stored).to_pydict() == {"a": [1], "b": ["x"]}
    assert stored.hidden is None
    assert FLAG_COLUMN in caplog.text


def test_a_result_without_reasons_is_counted(tmp_path: Path) -> None:
    parts = write(tmp_path, f"a,b,{FLAG_COLUMN}\n1,x,true\n")
    stored = store(tmp_path, parts, (*PAIR, FLAG), hidden_rows=REMOVE_ROWS)
    assert stored.hidden == HiddenRows(removed=1, blanked=0, reasons=None)


def test_added_columns_need_no_description_and_may_come_in_capitals(tmp_path: Path) -> None:
    parts = write(tmp_path, f"{HEADER.upper()}1,x,TRUE,r\n")
    stored = store(tmp_path, parts, PAIR, hidden_rows=REMOVE_ROWS)
    assert stored.hidden == HiddenRows(removed=1, blanked=0, reasons={"r": 1})


def test_flags_that_are_no_boolean_are_refused(tmp_path: Path) -> None:
    parts = write(tmp_path, f"{HEADER}1,x,7,r\n")
    as_text = (*PAIR, OutputColumn(name=FLAG_COLUMN), REASON)
    with pytest.raises(UnexpectedResponse, match="counts_hidden_rows"):
        store(tmp_path, parts, as_text, hidden_rows=REMOVE_ROWS)
    with pytest.raises(InvalidResults, match="BOOLEAN"):
        store(tmp_path, parts, COLUMNS, hidden_rows=REMOVE_ROWS)


_ROWS = st.lists(
    st.tuples(
        st.integers(-9, 9),
        st.sampled_from(["true", "false", ""]),
        st.sampled_from(["", f"7 {USERS}", f"12 {USERS}", "3 others", 'a "quoted", text']),
    ),
    max_size=30,
)


def _csv(rows: Sequence[tuple[object, ...]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows((a, "x", *others) for a, *others in rows)
    return HEADER + file.getvalue()


@hypothesis_settings(max_examples=40)
@given(st.lists(_ROWS, min_size=1, max_size=3), st.sampled_from(PrivacyFiltering))
def test_stored_and_counted_rows_are_all_rows(
    parts: list[list[tuple[int, str, str]]], filtering: PrivacyFiltering
) -> None:
    rows = [row for part in parts for row in part]
    flagged = [row for row in rows if row[1] == "true"]
    kept = [row for row in rows if filtering is REMOVE_VALUES or row[1] != "true"]
    with TemporaryDirectory() as directory:
        files = write(Path(directory), *map(_csv, parts))
        stored = store(Path(directory), files, COLUMNS, hidden_rows=filtering)
        assert read(stored)["a"].to_pylist() == [row[0] for row in kept]
    is_removed = filtering is REMOVE_ROWS
    assert stored.hidden == HiddenRows(
        removed=len(flagged) if is_removed else 0,
        blanked=0 if is_removed else len(flagged),
        reasons=dict(Counter(reason_of(row[2]) for row in flagged)),
    )


MEASURED = """
import sys, tracemalloc
from pathlib import Path
import pyarrow as pa
from fixtures.results import PAIR, store
from recomamp.domain.amc_options import PrivacyFiltering
tracemalloc.start()
results = store(Path(sys.argv[1]), [Path(sys.argv[2])], PAIR,
                hidden_rows=PrivacyFiltering.REMOVE_ROWS)
python_bytes = tracemalloc.get_traced_memory()[1]
sys.stdout.write(f"{results.hidden.removed} {python_bytes} "
                 f"{pa.default_memory_pool().max_memory()}")
"""


def test_counting_takes_constant_memory(tmp_path: Path) -> None:
    block = f"1,x,true,7 {USERS}\n2,x,false,\n" * 25_000
    part = tmp_path / "part.csv"
    peaks = []
    for copies in (16, 32):
        with part.open("w") as file:
            file.write(HEADER)
            file.writelines(block for _ in range(copies))
        removed, python_bytes, arrow_bytes = map(
            int, run_python(MEASURED, str(tmp_path), str(part)).split()
        )
        assert removed == 25_000 * copies
        peaks.append((python_bytes, arrow_bytes))
    assert peaks[1][0] < peaks[0][0] + 2**20
    assert peaks[1][1] < 40 * 2**20  # 32 blocks read ahead
