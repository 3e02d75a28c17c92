"""Texts that come from outside, as a database can keep them."""

from __future__ import annotations


def storable(text: str) -> str:
    """Return a text without what Postgres cannot store: U+0000, halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
