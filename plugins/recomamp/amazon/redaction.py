"""Amazon's words without what they may repeat of a request: secrets, the query, its values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx

from recomamp.domain.texts import storable

LONGEST_TEXT = 2000

_TOKENS = re.compile(r"Atz[a-z]\|[^\s\"'<>&]*")
_QUERY_OF_LINK = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")
_SIGNATURE = re.compile(
    r"\b(?:X-Amz-[\w-]+|Signature|AWSAccessKeyId)=[^&\s\"'<>]*&?", re.IGNORECASE
)
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_SECRET_FIELDS = ("client_secret", "refresh_token", "code")
_SHORTEST_VALUE = 3  # shorter ones name nothing, and are part of other words
_SHORTEST_QUOTE = 3  # words of the query in a row


def without_tokens(text: str) -> str:
    """Remove Amazon's tokens, should an answer repeat one, and what Postgres cannot store."""
    return _TOKENS.sub("[token]", storable(text))


def without_secrets(text: str) -> str:
    """Remove tokens, what signs a link, and what Postgres cannot store."""
    text = _QUERY_OF_LINK.sub(r"\1?[removed]", without_tokens(text))
    return _SIGNATURE.sub("[signature]", text)


def harmless(text: str, request: httpx.Request) -> str:
    """Return text about a call, fit for a table that people read, and shortened.

    Removed are tokens, the queries of links and whatever the text repeats of the request's body:
    secrets, the values of parameters, literals and passages of the SQL. Amazon's complaint stays.
    """
    text = _QUERY_OF_LINK.sub(r"\1", without_tokens(text[: LONGEST_TEXT * 2]))
    text = _SIGNATURE.sub("[signature]", text)
    sql, values = _sent(request)
    for value in sorted(values, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "[value]", text)
    return _without_passages(text, sql)[:LONGEST_TEXT]


def _sent(request: httpx.Request) -> tuple[str, set[str]]:
    """Return the SQL and the values that stand in the request's body."""
    body = request.content.decode("utf-8", "replace")
    if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return "", {value for name, value in parse_qsl(body) if name in _SECRET_FIELDS}
    try:
        fields = json.loads(body)
    except ValueError:
        return "", set()
    if not isinstance(fields, dict) or not isinstance(fields.get("workflow", {}), dict):
        return "", set()
    workflow = fields.get("workflow", {})
    sql = str(workflow.get("sqlQuery", ""))
    defaults = [one.get("defaultValue") for one in workflow.get("inputParameters", [])]
    values = [*_leaves(fields.get("parameterValues")), *_leaves(defaults), *_LITERAL.findall(sql)]
    return sql, {value for value in values if len(value) >= _SHORTEST_VALUE}


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _without_passages(text: str, sql: str) -> str:
    """Remove every run of words that stands in the query too, whole or cut off."""
    known, words = " ".join(sql.split()).lower(), text.split()
    kept: list[str] = []
    while words:
        length = _quoted_words(words, known)
        kept.append("[sql]" if length else words[0])
        del words[: length or 1]
    return " ".join(kept)


def _quoted_words(words: list[str], known: str) -> int:
    """Return how many of the first words stand in the query in a row; 0 for too few."""
    length = 0
    while length < len(words) and " ".join(words[: length + 1]).lower() in known:
        length += 1
    return length if length >= _SHORTEST_QUOTE else 0
