from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from recomamp.amazon.amc.responses import (
    read_data_sources,
    read_download_urls,
    read_execution,
    read_executions,
)
from recomamp.domain.execution_states import AmcStatus
from recomamp.errors import RequestRejected, SubmissionUnknown, TransientError, UnexpectedResponse

FLAT = {
    "workflowExecutionId": "e-1",
    "workflowId": "recomamp-1",
    "status": "SUCCEEDED",
    "createTime": "2025-03-10T03:11:52Z",
    "lastUpdatedTime": "2025-03-10T03:14:42.123Z",
    "timeWindowStart": "2025-03-03T00:00:00Z",
    "timeWindowEnd": "2025-03-10T00:00:00",
    "parameterValues": {"limit": "7"},
    "outputColumns": [{"name": "n", "dataType": "LONG", "columnType": "METRIC"}],
    "executionTime": 55,
    "brandNewField": [1, 2],
}
HTML = "<html><body>Please wait</body></html>"


def answer(status=200, **options):
    request = httpx.Request("GET", "https://advertising-api.amazon.com/amc/reporting/x")
    return httpx.Response(status, request=request, **options)


@pytest.mark.parametrize(
    "body",
    [FLAT, {"workflowExecution": FLAT}, {"execution": FLAT}],
    ids=["flat", "wrapped", "wrapped otherwise"],
)
def test_an_execution_is_read_in_every_shape(body):
    execution = read_execution(answer(json=body, headers={"x-amz-rid": "RID"}))

    assert execution.amc_execution_id == "e-1"
    assert execution.workflow_id == "recomamp-1"
    assert execution.status is AmcStatus.SUCCEEDED
    assert execution.create_time == datetime(2025, 3, 10, 3, 11, 52, tzinfo=UTC)
    assert execution.last_updated_time == datetime(2025, 3, 10, 3, 14, 42, 123000, tzinfo=UTC)
    assert execution.window_start == datetime(2025, 3, 3, tzinfo=UTC)
    assert execution.window_end == datetime(2025, 3, 10, tzinfo=UTC)
    assert execution.parameter_values == {"limit": "7"}
    assert execution.output_columns == tuple(FLAT["outputColumns"])
    assert execution.execution_time_seconds == 55.0
    assert execution.request_id == "RID"


def test_an_execution_may_lack_everything_but_its_id():
    execution = read_execution(answer(json={"workflowExecutionId": "e-1", "createTime": "soon"}))

    assert execution.status is AmcStatus.UNKNOWN
    assert execution.workflow_id is None
    assert execution.create_time is None
    assert execution.window_start is None
    assert execution.parameter_values == {}
    assert execution.output_columns == ()


def test_an_unknown_status_keeps_amcs_word():
    execution = read_execution(answer(json={**FLAT, "status": "HIBERNATING"}))

    assert execution.status is AmcStatus.UNKNOWN
    assert execution.amc_status == "HIBERNATING"


@pytest.mark.parametrize("key", ["statusReason", "message", "details", "messageSubject"])
def test_the_reason_is_found_under_every_known_name(key):
    execution = read_execution(answer(json={**FLAT, "status": "REJECTED", key: "too narrow"}))

    assert execution.status is AmcStatus.REJECTED
    assert execution.status_reason == "too narrow"


def test_everything_that_is_said_about_the_end_is_the_reason():
    said = {
        "details": ["column x at 1:8", {"hint": "name it"}],
        "statusReason": "Query failed",
        "message": "Query failed",
        "errors": [{"message": "of table t"}],
    }
    execution = read_execution(answer(json={**FLAT, "status": "FAILED", **said}))

    assert execution.status_reason == ("Query failed; of table t; column x at 1:8; hint: name it")


def test_the_reason_and_the_status_hold_no_secret_and_can_be_stored(database):
    said = (
        rb'{"workflowExecutionId": "e-1", "status": "HALF\u0000",'
        rb' "statusReason": "Atza|hidden https://b/a.csv?X-Amz-Signature=hidden \u0000\ud800"}'
    )
    execution = read_execution(answer(content=said))

    assert execution.status_reason == "[token] https://b/a.csv?[removed] ?"
    row = [execution.status_reason, execution.amc_status]
    assert database.query("SELECT %s AS a, %s AS b", row) == [{"a": row[0], "b": "HALF"}]


@pytest.mark.parametrize(
    ("body", "read_error"),
    [
        ({"html": HTML}, TransientError),
        ({"json": {}}, UnexpectedResponse),
        ({"json": [1]}, TransientError),
    ],
    ids=["page", "no id", "no object"],
)
def test_an_answer_that_is_no_execution_puts_a_submission_in_doubt(body, read_error):
    with pytest.raises(read_error):
        read_execution(answer(**body))
    with pytest.raises(SubmissionUnknown):
        read_execution(answer(**body), repeatable=False)


@pytest.mark.parametrize("key", ["executions", "workflowExecutions"])
def test_a_page_holds_its_items_and_the_way_to_the_next(key):
    page = read_executions(
        answer(json={key: [FLAT, {"workflowExecution": FLAT}], "nextToken": "n"})
    )

    assert [one.amc_execution_id for one in page.items] == ["e-1", "e-1"]
    assert page.next_token == "n"


@pytest.mark.parametrize("body", [{"executions": []}, {"executions": None, "nextToken": None}])
def test_an_empty_page_is_the_last(body):
    page = read_executions(answer(json=body))

    assert (page.items, page.next_token) == ((), None)


@pytest.mark.parametrize("body", [{}, {"executions": {}}, {"executions": ["e-1"]}])
def test_an_answer_without_a_list_is_never_taken_for_an_empty_one(body):
    with pytest.raises(UnexpectedResponse, match="executions"):
        read_executions(answer(json=body))


def test_an_execution_without_an_id_in_a_list_is_not_skipped_in_silence():
    with pytest.raises(UnexpectedResponse, match="workflowExecutionId"):
        read_executions(answer(json={"executions": [{"status": "PENDING"}]}))


def test_a_page_of_html_instead_of_a_list_is_transient():
    with pytest.raises(TransientError, match="Please wait"):
        read_executions(answer(html=HTML))


def test_links_are_read_in_order():
    page = read_download_urls(
        answer(json={"downloadUrls": ["https://a", "https://b"], "metadataDownloadUrls": ["c"]})
    )

    assert page.items == ("https://a", "https://b")


@pytest.mark.parametrize(
    "body",
    [
        {"downloadUrls": "https://a?sign=s"},
        {"downloadUrls": [{}, "https://a?sign=s"]},
        {"downloadUrls": [{"link": "https://a?sign=s"}]},
        {"downloadUrls": [{"url": ["https://a?sign=s"]}]},
        {"downloadUrls": ["https://a?sign=s", ""]},
        {"downloadUrls": {"url": "https://a?sign=s"}},
    ],
)
def test_links_in_a_strange_shape_are_not_quoted(body):
    with pytest.raises(UnexpectedResponse) as caught:
        read_download_urls(answer(json=body))

    assert "sign" not in str(caught.value)


def test_links_that_are_not_ready_keep_amazons_words():
    words = "Execution with ID e-1 is unavailable for download."
    with pytest.raises(RequestRejected, match=words):
        read_download_urls(answer(404, json={"code": "404", "details": words}))


def test_data_sources_are_returned_as_amc_describes_them():
    page = read_data_sources(answer(json={"dataSources": [{"dataSourceId": "dsp_clicks"}]}))

    assert page.items == ({"dataSourceId": "dsp_clicks"},)


@pytest.mark.parametrize("token", [5, True, 0, ["n"], {"n": 1}])
@pytest.mark.parametrize(
    ("read", "key"),
    [
        (read_executions, "executions"),
        (read_download_urls, "downloadUrls"),
        (read_data_sources, "dataSources"),
    ],
)
def test_a_list_does_not_end_unnoticed_at_a_token_that_is_no_text(read, key, token):
    with pytest.raises(UnexpectedResponse):
        read(answer(json={key: [], "nextToken": token}))

    assert read(answer(json={key: [], "nextToken": ""})).next_token is None


@pytest.mark.parametrize(
    "field",
    [
        '"executionTime": NaN',
        '"executionTime": -Infinity',
        f'"executionTime": 1{"0" * 400}',
        '"executionTime": 1e300',
        '"executionTime": -1',
        '"executionTime": 2147483647.5',
        '"executionTime": "55"',
        '"createTime": "9999-12-31T23:59:59-01:00"',
        '"createTime": "0001-01-01T00:00:00+02:00"',
        '"createTime": "1999-12-31T23:59:59Z"',
        '"createTime": "9990-01-01T00:00:00Z"',
    ],
)
def test_numbers_and_times_that_nothing_can_hold_are_left_out(field):
    body = f'{{"workflowExecutionId": "e-1", {field}}}'.encode()

    execution = read_execution(answer(content=body))

    assert (execution.execution_time_seconds, execution.create_time) == (None, None)


@pytest.mark.parametrize("seconds", [0, 0.4, 2**31 - 1])
def test_a_time_that_a_row_can_hold_is_kept(seconds):
    body = {"workflowExecutionId": "e-1", "executionTime": seconds}
    assert read_execution(answer(json=body)).execution_time_seconds == seconds
