"""What is taken out of a text about a call, and what stays."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from re import _constants as op
from re import _parser as parser
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.amazon import error_mapping, redaction
from recomamp.amazon.redaction import without_secrets, without_sent_secrets

REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)
SECRETS = {"client_secret": 's3cr3t+/"=é x', "refresh_token": "longlived|more&1"}


def token_call(**form: str) -> httpx.Request:
    return httpx.Request("POST", "https://api.amazon.com/auth/o2/token", data=form)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("token Atza|abc-1 and Atzr|x", "token [token] and [token]"),
        ("aTZR|abc", "[token]"),
        ("refresh_token=Atzr%7Cabc%2B1&client_id=x", "refresh_token=[token]&client_id=x"),
        ("Atzr%7cabc Atzr%257Cabc", "[token] [token]"),
        (r'{"t":"Atza\u007cab\u002bc"} "Atza\\u007Cabc"', '{"t":"[token]"} "[token]"'),
        ("Atza&#124;abc Atza&#x7C;abc", "[token] [token]"),
        ("client_secret=amzn1.oa2-cs.v1.0123abc&a=b", "client_secret=[token]&a=b"),
        ("client amzn1.application-oa2-client.demo", "client amzn1.application-oa2-client.demo"),
        (
            "see https://b.s3.amazonaws.com/a.csv?X-Amz-Signature=1 now",
            "see https://b.s3.amazonaws.com/a.csv?[removed] now",
        ),
        ("https://b.example/Atza|abc/x", "https://b.example/[token]"),
        ("at /a.csv?X-Amz-Date=2&X-Amz-Signature=3", "at /a.csv?[signature][signature]"),
        ("%2Fa.csv%3FX-Amz-Signature%3Dabc%26X-Amz-Date%3D1 x", "%2Fa.csv%3F[signature] x"),
        (r'"/a.csv?AWSAccessKeyId\u003dabc"', '"/a.csv?[signature]"'),
    ],
)
def test_tokens_and_signatures_go(text: str, left: str) -> None:
    assert without_secrets(text) == left


def test_amazons_complaint_stays() -> None:
    words = "From line 6, column 12 to line 6, column 17: Column 'campaign' not found (id R1)"

    assert without_secrets(words) == words


FORMS: list[Callable[[str], str]] = [
    str,
    quote,
    lambda secret: quote(secret, safe=""),
    lambda secret: quote(quote(secret, safe=""), safe="").lower(),
    quote_plus,
    json.dumps,
    lambda secret: json.dumps(json.dumps(secret)),
    lambda secret: secret.replace("|", r"\u007c"),
    lambda secret: re.sub(r"\W", lambda found: rf"\u{ord(found.group()):04X}", secret),
]


@pytest.mark.parametrize("form", FORMS)
def test_secrets_that_were_sent_go_however_they_are_written(form: Callable[[str], str]) -> None:
    request = token_call(grant_type="refresh_token", **SECRETS)
    said = " and ".join(map(form, SECRETS.values()))

    left = without_sent_secrets(f"refresh_token: {said} is bad", request)

    assert re.fullmatch(r"refresh_token: \W*\[secret\]\W* and \W*\[secret\]\W* is bad", left)


def test_nothing_else_that_was_sent_goes() -> None:
    request = token_call(grant_type="refresh_token", client_id="our-client", client_secret="")

    text = "refresh_token of our-client"
    assert without_sent_secrets(text, request) == text


@given(st.text(max_size=300), st.dictionaries(st.sampled_from(list(SECRETS)), st.text(max_size=20)))
def test_any_text_and_any_form_can_be_dealt_with(text: str, form: dict[str, str]) -> None:
    left = without_sent_secrets(text * 20, token_call(**form))

    assert "\x00" not in left
    left.encode()


@given(st.text(alphabet="atzrAX-mSinueh:/?=&|%7C\\03 ", max_size=400))
def test_what_has_been_cleaned_holds_no_token(text: str) -> None:
    left = without_secrets(text)

    assert not re.search(r"Atz[a-z](\||%7C|\\u007c)", left, re.IGNORECASE)


# --- The work grows with the text, not with its square -------------------------------------------


def steps(clean: Callable[[str], object], text: str) -> int:
    """Count the characters that are replaced, those within an address twice."""
    count = 0
    real = redaction._replacement

    def counted(found: re.Match[str]) -> str:
        nonlocal count
        count += len(found.group())
        return real(found)

    redaction._replacement = counted
    try:
        clean(text)
    finally:
        redaction._replacement = real
    return count


EVIL = ["http://", "https://a?", "X-Amz-", "X-Amz-a=", "Atzr|", "Atza%25", "Atza\\", "<", "<script"]


@pytest.mark.parametrize("piece", EVIL)
def test_no_character_is_replaced_more_than_twice(piece: str) -> None:
    text = piece * (40_000 // len(piece))

    assert steps(without_secrets, text) <= 2 * len(text)


def repetitions(pattern: re.Pattern[str]) -> list[str]:
    """Return the repetitions without a bound that something has to follow.

    Only such a one can be tried from every place of a text up to its end, and fail there.
    """
    return list(_repetitions(parser.parse(pattern.pattern, pattern.flags), is_followed=False))


def _repetitions(items: Iterable[Any], *, is_followed: bool) -> Iterator[str]:
    for kind, argument in reversed(list(items)):
        if kind in REPEATS:
            if argument[1] is op.MAXREPEAT and is_followed:
                yield str(argument)
            yield from _repetitions(argument[2], is_followed=is_followed)
            is_followed |= argument[0] > 0
            continue
        for branch in argument[1] if kind is op.BRANCH else ():
            yield from _repetitions(branch, is_followed=is_followed)
        if kind is op.SUBPATTERN:
            yield from _repetitions(argument[-1], is_followed=is_followed)
        is_followed = True


def test_the_audit_of_patterns_finds_what_is_quadratic() -> None:
    assert repetitions(re.compile(r"(https?://[^\s?]+)\?[^\s]*"))
    assert repetitions(re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>"))
    assert not repetitions(re.compile(r"https?://\S*&?"))


def test_no_pattern_for_texts_of_amazon_is_quadratic() -> None:
    patterns = [
        one
        for module in (redaction, error_mapping)
        for one in vars(module).values()
        if isinstance(one, re.Pattern)
    ]

    assert len(patterns) >= 3
    assert [one.pattern for one in patterns if repetitions(one)] == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<style>p {}</style><h1>502 Bad&nbsp;Gateway</h1>\n<hr>nginx", "502 Bad Gateway nginx"),
        ("<SCRIPT type='x'>a < b</SCRIPT >kept", "kept"),
        ("1 < 2 and 3", "1 < 2 and 3"),
        ("a<b", "a<b"),
        ("<script>never closed", ""),
        ("<" * 20_000, "<" * 298 + " …"),
    ],
    ids=range(6),
)
def test_tags_of_a_page_go(page: str, text: str) -> None:
    response = httpx.Response(200, text=page, request=httpx.Request("GET", "https://a.example/x"))

    assert error_mapping._plain_text(response, 300) == html.unescape(text)
