"""How columns differ from those of the result before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.result_columns import OutputColumn
from recomamp.domain.result_contracts import MAX_CHANGES, changes_in_words, column_changes

COLUMNS = st.lists(
    st.builds(OutputColumn, name=st.text(min_size=1), data_type=st.sampled_from(["LONG", "DATE"])),
    unique_by=lambda column: column.name,
    max_size=8,
)


def column(name: str, data_type: str = "LONG", **digits: int) -> OutputColumn:
    return OutputColumn(name=name, data_type=data_type, **digits)


def test_each_change_names_its_column() -> None:
    before = [column("a"), column("b"), column("c", "DECIMAL", precision=38, scale=2)]
    now = [column("c", "DECIMAL", precision=38, scale=4), column("a"), column("d", "DATE")]
    assert column_changes(before, now) == [
        "column d is added (DATE)",
        "column b is gone (LONG)",
        "column c changed its type from DECIMAL(38,2) to DECIMAL(38,4)",
    ]


@given(data=st.data(), columns=COLUMNS)
def test_order_is_no_change(data: st.DataObject, columns: list[OutputColumn]) -> None:
    assert column_changes(columns, data.draw(st.permutations(columns))) == []


@given(before=COLUMNS, now=COLUMNS)
def test_there_is_a_change_where_and_only_where_columns_differ(
    before: list[OutputColumn], now: list[OutputColumn]
) -> None:
    same = {(one.name, one.type_name) for one in before} == {
        (one.name, one.type_name) for one in now
    }
    assert (column_changes(before, now) == []) is same


def test_many_changes_are_counted_and_few_are_named() -> None:
    changes = column_changes([], [column(f"c{number}\n") for number in range(100)])
    words = changes_in_words(changes)
    assert words.endswith(f"; and {100 - MAX_CHANGES} more")
    assert "\n" not in words
