"""Texts about calls to Amazon, without the secrets that they may repeat.

Secrets are tokens, client secrets and what signs a link. Each text is read once from its start to
its end: no part of a pattern is looked for twice from different places.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import httpx

from recomamp.domain.text import strip_unstorable

# How "|" and "=" appear in texts: raw, percent-encoded (up to three times over), as a JSON escape,
# as an HTML entity
_BAR = r"(?:\||%(?:25){0,3}7C|\\{1,8}u007c|&\#(?:124|x7c);)"
_EQUALS = r"(?:=|%(?:25){0,3}3D|\\{1,8}u003d)"
_SIGNED = rf"""
    (?P<token> Atz[a-z]{_BAR}[^\s"'<>&]* | amzn1\.oa2-cs[^\s"'<>&]*)
    | (?P<signature> (?:X-Amz-[\w-]{{1,64}}|Signature|AWSAccessKeyId){_EQUALS}[^&\s"'<>]*&?)
"""
_FLAGS = re.IGNORECASE | re.VERBOSE
_IN_ADDRESS = re.compile(_SIGNED, _FLAGS)
_IN_TEXT = re.compile(rf"""{_SIGNED} | (?P<link> https?://[^\s"'<>]*)""", _FLAGS)
_FORM = "application/x-www-form-urlencoded"
_SECRET_FIELDS = ("client_secret", "refresh_token", "code")
_SHORTEST_SECRET = 4  # a shorter one is not a secret, and part of other words


def without_secrets(text: str) -> str:
    """Remove tokens, client secrets, what signs a link, and what Postgres cannot store."""
    return _IN_TEXT.sub(_replacement, strip_unstorable(text))


def without_sent_secrets(text: str, request: httpx.Request) -> str:
    """Remove also the secrets that the form of a request for tokens holds, however written."""
    text = strip_unstorable(text)
    for secret in _sent_secrets(request):
        text = re.sub("".join(map(_in_any_form, secret)), "[secret]", text, flags=re.IGNORECASE)
    return without_secrets(text)


def _replacement(found: re.Match[str]) -> str:
    if "link" not in found.re.groupindex or found["link"] is None:
        return "[token]" if found["token"] else "[signature]"
    address, query, _ = found["link"].partition("?")
    return _IN_ADDRESS.sub(_replacement, address) + ("?[removed]" if query else "")


def _sent_secrets(request: httpx.Request) -> list[str]:
    if not request.headers.get("Content-Type", "").startswith(_FORM):
        return []
    fields = parse_qsl(request.content.decode("utf-8", "replace"))
    sent = {value for name, value in fields if name in _SECRET_FIELDS}
    return sorted((one for one in sent if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)


def _in_any_form(character: str) -> str:
    """Return a pattern of a character of a secret: raw, or escaped for a URL or for JSON."""
    if character.isascii() and character.isalnum():
        return character
    percent = "".join(rf"%(?:25){{0,3}}{byte:02x}" for byte in character.encode())
    escaped = rf"\\{{0,8}}{re.escape(character)}|{percent}|\\{{1,8}}u{ord(character):04x}"
    return rf"(?:{escaped}|\+)" if character == " " else rf"(?:{escaped})"
