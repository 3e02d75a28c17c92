from __future__ import annotations

import httpx
import pytest

from recomamp.amazon.error_mapping import raise_for, text_of
from recomamp.amazon.error_text import MAX_WORDS
from recomamp.errors import (
    AmazonError,
    RequestRejected,
    SubmissionUnknown,
    TransientError,
    Unauthorized,
    UnexpectedResponse,
)

URL = "https://advertising-api.amazon.com/amc/reporting/amcx/workflowExecutions?nextToken=t"


def error_for(status, *, repeatable=True, **options) -> AmazonError:
    response = httpx.Response(status, request=httpx.Request("POST", URL), **options)
    with pytest.raises(AmazonError) as caught:
        raise_for(response, repeatable=repeatable)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "kind_of_submission"),
    [
        (302, UnexpectedResponse, SubmissionUnknown),
        (400, RequestRejected, RequestRejected),
        (401, Unauthorized, SubmissionUnknown),
        (403, RequestRejected, RequestRejected),
        (404, RequestRejected, RequestRejected),
        (406, RequestRejected, RequestRejected),
        (408, TransientError, SubmissionUnknown),
        (422, RequestRejected, RequestRejected),
        (429, TransientError, SubmissionUnknown),
        (500, TransientError, SubmissionUnknown),
        (503, TransientError, SubmissionUnknown),
        (504, TransientError, SubmissionUnknown),
    ],
)
def test_the_status_decides_what_the_caller_has_to_do(status, kind, kind_of_submission):
    assert type(error_for(status)) is kind
    assert type(error_for(status, repeatable=False)) is kind_of_submission


@pytest.mark.parametrize("status", [200, 202, 204])
def test_success_raises_nothing(status):
    raise_for(httpx.Response(status, request=httpx.Request("GET", URL)))


@pytest.mark.parametrize("key", ["details", "message", "error_description"])
def test_amazons_words_are_kept_verbatim(key):
    words = "From line 6, column 12 to line 6, column 17: Object 'X' not found"

    error = error_for(400, json={"code": "400", key: words}, headers={"x-amz-request-id": "RID"})

    assert words in str(error)
    assert "POST /amc/reporting/amcx/workflowExecutions answered HTTP 400" in str(error)
    assert "RID" in str(error)
    assert (error.status, error.code, error.request_id) == (400, "400", "RID")


LONG = "no such column: " + "q" * 400 + " END"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"code": "400", "details": ["line 1:8 no column x", "line 2"], "message": "Invalid"},
            "Invalid; line 1:8 no column x; line 2",
        ),
        (
            {"code": "400", "details": "Short", "message": "The column x is unknown"},
            "The column x is unknown; Short",
        ),
        ({"error": {"code": "E", "message": LONG}}, f"{LONG}; code: E"),
        (
            {"errors": [{"message": LONG}, {"message": "b", "field": "c"}]},
            f"{LONG}; b; field: c",
        ),
        ([{"code": "E", "details": LONG}], f"{LONG}; code: E"),
        ({"error": "invalid_grant", "error_description": "Gone"}, "Gone; invalid_grant"),
        (
            {"details": {"b": [1, {"a": "deep"}], "message": "top"}, "more": True},
            "top; b: 1; b: a: deep; more: True",
        ),
        ({"message": "twice", "details": "twice"}, "twice"),
        ({"code": "THROTTLED", "requestId": "R"}, "code: THROTTLED"),
        ("only a text", "only a text"),
        ({"code": "400"}, '{"code":"400"}'),
    ],
    ids=str,
)
def test_all_of_amazons_words_are_kept_in_one_order(body, words):
    error = error_for(400, json=body)

    assert str(error).split(" (request id")[0].endswith(f"answered HTTP 400: {words}")


def test_the_code_is_also_found_in_an_error_within_the_body():
    assert error_for(400, json={"error": {"code": "E"}}).code == "E"
    assert error_for(400, json={"errors": [{}, {"code": "F"}]}).code == "F"


def test_a_plain_text_is_kept_whole():
    assert str(error_for(400, text=LONG)).endswith(LONG)


@pytest.mark.parametrize(
    "options",
    [
        {"json": {"details": "q" * 20_000}},
        {"json": {"details": ["q" * 100 + str(n) for n in range(10_000)]}},
        {"text": "q" * 50_000},
    ],
    ids=["a text", "a list", "no JSON"],
)
def test_words_without_end_are_cut_and_that_is_seen(options):
    text = str(error_for(400, **options)).partition("HTTP 400: ")[2]

    assert len(text) == MAX_WORDS
    assert text.endswith(" …")


def test_an_answer_without_a_bottom_is_read_all_the_same():
    nested = '{"details":' * 50 + '"deep"' + "}" * 50
    assert str(error_for(400, text=nested)).endswith("HTTP 400: …")
    assert error_for(400, text="[" * 200_000).status == 400


def test_words_can_be_stored_whatever_they_hold(database):
    body = rb'{"code": "E\u0000", "message": "nul \u0000, half \ud800", "requestId": "\udfff"}'
    error = error_for(400, content=body)

    text = f"{error} {error.code} {error.request_id}"
    assert "nul , half ?; code: E" in text
    assert database.query("SELECT %s AS text", [text]) == [{"text": text}]


def test_no_signed_link_is_repeated_and_its_address_is():
    link = "https://b.s3.amazonaws.com/a.csv?X-Amz-Credential=AKIA&X-Amz-Signature=hidden"
    said = {"message": f"see {link} or Signature=hidden", "errors": [{"link": link}]}
    text = str(error_for(403, json=said))

    assert "see https://b.s3.amazonaws.com/a.csv?[removed] or [signature]" in text
    assert "hidden" not in text
    assert "AKIA" not in text


def test_the_request_id_is_also_found_in_the_body():
    assert error_for(500, json={"message": "no", "requestId": "B"}).request_id == "B"


def test_a_page_of_html_is_reduced_to_its_text():
    page = "<html><style>p {}</style><h1>502 Bad&nbsp;Gateway</h1>\n<hr>openresty</html>"

    assert str(error_for(502, html=page)).endswith("HTTP 502: 502 Bad Gateway openresty")


def test_an_empty_body_is_said_to_be_empty():
    assert "without a text" in str(error_for(500))


def test_a_token_repeated_by_amazon_is_not_repeated_by_us():
    error = error_for(400, json={"details": 'token "Atza|IQEBL.secret" is bad'})

    assert "secret" not in str(error)
    assert '"[token]" is bad' in str(error)


def test_the_query_of_the_request_is_not_in_the_message():
    assert "nextToken" not in str(error_for(400))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "86400"}, 600.0),
        ({"Retry-After": "inf"}, 600.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "7, 30"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 99999999999 07:28:00 GMT"}, None),
        ({"Retry-After": "1 Jan 2026 1:1:1 +99999999999999999999"}, None),
        ({}, None),
        (
            {
                "Date": "Mon, 10 Mar 2025 12:00:00 GMT",
                "Retry-After": "Mon, 10 Mar 2025 12:00:09 GMT",
            },
            9.0,
        ),
        ({"Retry-After": "Mon, 10 Mar 2025 12:00:09 GMT"}, 0.0),
    ],
    ids=str,
)
def test_retry_after_is_seconds_or_a_date_within_ten_minutes(headers, seconds):
    assert error_for(429, headers=headers).retry_after_seconds == seconds


@pytest.mark.parametrize("charset", ["punycode", "zlib", "idna", "utf-7", "utf-16", "unknown"])
def test_a_text_is_read_as_utf_8_and_not_with_the_codec_that_the_answer_names(charset):
    headers = {"Content-Type": f"text/plain; charset={charset}"}

    error = error_for(403, headers=headers, content="Für wen?-".encode())

    assert str(error).endswith("answered HTTP 403: Für wen?-")


def test_a_page_is_decoded_by_its_beginning_only():
    response = httpx.Response(200, content="語".encode() * 1000)

    assert text_of(response, 5) == "語" * 5
    assert text_of(httpx.Response(200, content=b"\xff\xe8ab"), 3) == "\ufffd\ufffda"
