"""What Amazon says, whole: every text of an answer of any shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recomamp.amazon.redaction import without_secrets

MAX_WORDS = 10_000  # characters; Amazon's longest known complaint has some hundreds

# Texts under these names come first, in this order and without the name. The others follow, each
# with its name
_WORDS = (
    "statusReason",
    "message",
    "Message",
    "errorMessage",
    "error_description",
    "messageSubject",
    "reason",
    "error",
    "errors",
    "details",
    "detail",
)
_DEEPEST = 20
_MAX_TEXT = 4 * MAX_WORDS  # of one text or name, before secrets are removed


def words_of(said: Any, longest: int = MAX_WORDS) -> str:
    """Return all texts of a JSON value as they are, each once, without secrets.

    :param longest: characters; what is longer is cut and ends in "…".
    """
    texts: dict[str, None] = {}
    size = 0
    for text in _texts(said, _DEEPEST):
        texts[text] = None
        size += len(text)
        if size > 2 * longest:  # secrets are removed before it is cut, so that none is cut in two
            break
    return sanitize("; ".join(texts), longest)


def sanitize(text: str, longest: int = MAX_WORDS) -> str:
    """Return a text as it can be stored and shown: without secrets, not longer than that."""
    kept = without_secrets(text[: 4 * longest])
    return kept if len(kept) <= longest else f"{kept[: longest - 2]} …"


def _texts(said: Any, levels: int) -> Iterator[str]:
    if levels == 0:
        yield "…"
    elif isinstance(said, Mapping):
        yield from _texts_of_fields(said, levels - 1)
    elif isinstance(said, list):
        for one in said:
            yield from _texts(one, levels - 1)
    elif said is not None and (text := str(said)[:_MAX_TEXT]).strip():
        yield text


def _texts_of_fields(fields: Mapping[str, Any], levels: int) -> Iterator[str]:
    for key in _WORDS:
        if key in fields:
            yield from _texts(fields[key], levels)
    for key in sorted(fields.keys() - set(_WORDS)):
        for text in _texts(fields[key], levels):
            yield f"{key[:_MAX_TEXT]}: {text}"
