"""What is taken out of a message about a call, and what stays."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.amazon.redaction import LONGEST_TEXT, harmless

SQL = "SELECT campaign, SUM(cost) AS cost\nFROM dsp_impressions\nWHERE advertiser = 'Acme'"


def call(body=None, **options) -> httpx.Request:
    return httpx.Request("POST", "https://advertising-api.amazon.com/x", json=body, **options)


def submission(**fields) -> httpx.Request:
    return call({"workflow": {"sqlQuery": SQL}, **fields})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("token Atza|abc-1 and Atzr|x", "token [token] and [token]"),
        ("see https://b.s3.amazonaws.com/a.csv?X-Amz-Signature=1 now",
         "see https://b.s3.amazonaws.com/a.csv now"),
        ("at /a.csv?X-Amz-Date=2&X-Amz-Signature=3", "at /a.csv?[signature][signature]"),
    ],
)  # fmt: skip
def test_tokens_and_signatures_go(text, left):
    assert harmless(text, call()) == left


def test_secrets_of_a_form_go():
    form = {"client_secret": "s3cr3t", "refresh_token": "longlived", "grant_type": "refresh_token"}
    request = httpx.Request("POST", "https://api.amazon.com/auth/o2/token", data=form)

    left = harmless("refresh_token longlived of s3cr3t is bad", request)

    assert left == "refresh_token [value] of [value] is bad"


@pytest.mark.parametrize(
    "text",
    [f"cannot parse {SQL} at line 2", "cannot parse SUM(cost) AS cost FROM dsp_imp at line 2"],
    ids=["whole", "cut off"],
)
def test_passages_of_the_query_go(text):
    left = harmless(text, submission())

    assert left.startswith("cannot parse [sql]")
    assert left.endswith("at line 2")
    assert "cost" not in left


def test_amazons_complaint_stays():
    words = "From line 6, column 12 to line 6, column 17: Column 'campaign' not found (id R1)"

    assert harmless(words, submission()) == words


def test_values_and_literals_go():
    request = submission(parameterValues={"a": "hidden", "b": [471, True], "c": {"d": "deep"}})

    left = harmless("'hidden' 471 deep Acme true", request)

    assert left == "'[value]' [value] [value] [value] true"


@given(
    st.text(max_size=300),
    st.one_of(
        st.none(),
        st.text(max_size=20),
        st.fixed_dictionaries(
            {"workflow": st.one_of(st.none(), st.just([]), st.just({"sqlQuery": 3}))}
        ),
        st.fixed_dictionaries(
            {"parameterValues": st.one_of(st.text(), st.lists(st.text()), st.none())}
        ),
    ),
)
def test_any_text_and_any_body_can_be_dealt_with(text, body):
    left = harmless(text * 20, call(body))

    assert len(left) <= LONGEST_TEXT
    assert "\x00" not in left
