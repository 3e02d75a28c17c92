"""Paths of requests, made of ids that come from rows and from Amazon."""

from __future__ import annotations

from urllib.parse import quote

from recomamp.errors import InvalidDefinition

_SHOWN_CHARS = 100


def path_of(root: str, *segments: str) -> str:
    """Append segments to a root, each percent-encoded as exactly one.

    :raises InvalidDefinition: when a segment would lead to another place, or is not printable.
    """
    for segment in segments:
        if segment in ("", ".", "..") or not segment.isprintable():
            raise InvalidDefinition(
                f"the id {segment[:_SHOWN_CHARS]!a} cannot be sent to Amazon: correct it in the row"
            )
    return "/".join((root, *(quote(segment, safe="") for segment in segments)))
