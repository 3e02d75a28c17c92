"""Result files: their text, their parts and their links."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_emulator.result_files import CsvFormat, write_parts
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import SQL, EmulatorClient


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", '""'),
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("two\nlines", '"two\nlines"'),
        (True, "true"),
        (False, "false"),
        (570000000000000123, "570000000000000123"),
        (Decimal("0.00000000000000001"), "0.00000000000000001"),
        (Decimal("1E+5"), "100000"),
        (1e-7, "0.0000001"),
        (12.5, "12.5"),
        (date(2026, 5, 4), "2026-05-04"),
        (datetime(2026, 5, 4, 1, 2, 3, 4000, UTC).replace(tzinfo=None), "2026-05-04T01:02:03.004"),
        (datetime(2026, 5, 4, 1, 2, 3, tzinfo=UTC), "2026-05-04T01:02:03.000"),
        ([1, None, "x"], '"[1, null, x]"'),
    ],
)
def test_values_are_written_as_amc_writes_them(value: Any, text: str) -> None:
    assert write_parts(["c"], [(value,)], 1, CsvFormat()) == [f"c\n{text}\n".encode()]


@given(
    rows=st.lists(st.tuples(st.text(min_size=1), st.integers()), max_size=30),
    parts=st.integers(min_value=1, max_value=5),
)
def test_parts_together_hold_every_row_once_under_the_same_header(
    rows: list[tuple[str, int]], parts: int
) -> None:
    files = write_parts(["name", "n"], rows, parts, CsvFormat())

    read = [list(csv.reader(io.StringIO(one.decode(), newline=""))) for one in files]
    assert len(files) == max(1, min(parts, len(rows)))
    assert all(one[0] == ["name", "n"] for one in read)
    assert [tuple(row) for one in read for row in one[1:]] == [(a, str(b)) for a, b in rows]


def test_a_workflow_may_choose_its_characters() -> None:
    form = CsvFormat(separator="|", quote="'", escape="\\")

    assert write_parts(["a", "b"], [("x|y", "it's")], 1, form) == [b"a|b\n'x|y'|'it\\'s'\n"]


def test_results_come_in_the_parts_asked_for(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(result_parts=3)
    execution_id = north.create_execution()
    assert north.get(execution_id)["status"] == "SUCCEEDED"

    links = north.links(execution_id)
    files = [httpx.get(link).text for link in links]

    assert len(links) == 3
    assert len({one.splitlines()[0] for one in files}) == 1
    rows = sum(len(one.splitlines()) - 1 for one in files)
    assert rows == emulator.executions()[0]["rows"] > 3


def test_a_saved_workflows_output_format_is_followed(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    workflow = {"sqlQuery": SQL, "outputFormat": {"separatorCharacter": ";"}}
    execution_id = north.create_execution(workflow=workflow)
    assert north.get(execution_id)["status"] == "SUCCEEDED"

    header = httpx.get(north.links(execution_id)[0]).text.splitlines()[0]

    assert header == "campaign;impressions"


def test_the_metadata_file_holds_the_sql(north: EmulatorClient) -> None:
    execution_id = north.create_execution()
    north.get(execution_id)

    answer = north.call("GET", f"/workflowExecutions/{execution_id}/downloadUrls").json()

    assert httpx.get(answer["metadataDownloadUrls"][0]).json()["sqlQuery"] == SQL


def test_links_expire(emulator: RunningEmulator, north: EmulatorClient) -> None:
    emulator.clock(now="2026-06-01T12:00:00+00:00")
    execution_id = north.create_execution()
    north.get(execution_id)
    link = north.links(execution_id)[0]

    emulator.clock(advance_seconds=599)
    in_time = httpx.get(link)
    emulator.clock(advance_seconds=1)
    late = httpx.get(link)

    assert in_time.status_code == 200
    assert late.status_code == 403
    assert late.headers["content-type"] == "application/xml"
    assert "<Message>Request has expired</Message>" in late.text


@pytest.mark.parametrize(
    "alter",
    [
        lambda link: link.replace("X-Amz-Expires=600", "X-Amz-Expires=900"),
        lambda link: link.replace("part-00000", "part-00001"),
        lambda link: link + "&extra=1",
        lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"),
        lambda link: link.split("?")[0],
    ],
    ids=["longer", "other file", "more fields", "other signature", "unsigned"],
)
def test_altered_links_are_refused(north: EmulatorClient, alter: Any) -> None:
    execution_id = north.create_execution()
    north.get(execution_id)

    rejection = httpx.get(alter(north.links(execution_id)[0]))

    assert rejection.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in rejection.text


def test_a_link_takes_no_second_authorization(north: EmulatorClient) -> None:
    execution_id = north.create_execution()
    north.get(execution_id)

    rejection = httpx.get(north.links(execution_id)[0], headers=north.headers())

    assert rejection.status_code == 403
    assert "Only one auth mechanism allowed" in rejection.text


QUOTES = {
    "sqlQuery": "SELECT CONCAT(campaign, '\"\\,') AS c, COUNT(*) AS n FROM dsp_impressions"
    " GROUP BY campaign"
}


def served(emulator: RunningEmulator, north: EmulatorClient, **settings: Any) -> httpx.Response:
    """Return the answer with the only file of a result that holds quotes and backslashes."""
    emulator.settings(**settings)
    asked = {"outputFormat": {"quoteCharacter": '"', "escapeCharacter": '"'}}
    execution_id = north.create_execution(workflow={**QUOTES, **asked})
    north.get(execution_id)
    return httpx.get(north.links(execution_id)[0])


def test_the_dialect_may_be_another_than_the_one_asked_for(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    asked = served(emulator, north, csv_escape="backslash").text
    other = served(emulator, north, ignore_output_format=True).text

    assert '""\\,",' in asked
    assert '\\"\\\\,",' in other
    assert other.replace('\\"\\\\', '""\\') == asked


def test_lines_may_end_in_two_bytes_and_the_last_in_none(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    usual = served(emulator, north).text
    other = served(emulator, north, csv_line_end="crlf", last_line_end=False).text

    assert usual.endswith("\n")
    assert other == usual.removesuffix("\n").replace("\n", "\r\n")


@pytest.mark.parametrize(("form", "said"), [("without_header", None), ("with_header", "gzip")])
def test_files_may_be_gzip_with_and_without_a_word(
    emulator: RunningEmulator, north: EmulatorClient, form: str, said: str | None
) -> None:
    usual = served(emulator, north)
    packed = served(emulator, north, gzip_parts=form)

    content = packed.content if said else gzip.decompress(packed.content)
    assert packed.headers.get("content-encoding") == said
    assert content == usual.content
    assert packed.headers["etag"] != usual.headers["etag"]


def test_links_may_come_as_objects(emulator: RunningEmulator, north: EmulatorClient) -> None:
    emulator.settings(links_as_objects=True)
    execution_id = north.create_execution()
    north.get(execution_id)

    (link,) = north.links(execution_id)

    assert httpx.get(link["url"]).status_code == 200
