"""Placeholders as other programs write them: ``:name``, ``${name}``, ``{{ x | int }}``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot.tokenizer_core import TokenType

from recomamp.domain.sql.tokens import QueryTokens, adjacent
from recomamp.errors import InvalidDefinition

_MAX_SHOWN = 40  # characters of what is found in a message
_REMEDY = (
    "write {{name}}, a name of letters, digits and _ that does not begin with a digit; "
    "filters, conditions and loops are not supported"
)

# What a template of another kind looks like: {{#if x}}, {{ n | int }}, {% if x %}, ${x}, {x}
_BRACES = re.compile(r"[$%]?\{+[^{}\r\n]*\}*|\}+")
_NAME_WITHIN = re.compile(r"[$:@%]?[{(]*\s*([A-Za-z_]\w*)\s*(?:\}*|\)s)", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Programs for texts write them by themselves; AMC takes them nowhere but in quotes
_ODD_CHARACTER = re.compile(
    "(?P<quote>[\u2018-\u201f\u00b4\u2032\u2033])|[\u00ad\u200b-\u200f\u2060\ufeff]"
)
_PERCENT = re.compile(r"%\(\w*\)\w?")
_TRIPLE = re.compile(r"\{{3}\s*+[A-Za-z_]\w*+\s*+\}{3}", re.ASCII)
# `*+` does not go back: the time grows with the text's length alone
_BLOCK_IN_TEXT = re.compile(r"\{%-?\s*+[A-Za-z][^%{}]*+%\}")
# A name in text as other programs write placeholders. A word, a price or a time is none
_FOREIGN_IN_TEXT = re.compile(
    r"(?<!\$)\$\{\s*(?P<dollar>[A-Za-z_]\w*)\s*(?:[:!|?=+-][^{}]*)?\}"  # ${name}, ${name:-x}
    r"|(?<!%)%\((?P<percent>[A-Za-z_]\w*)\)s"  # %(name)s
    r"|(?<![\w:$@])[:$@](?P<mark>[A-Za-z_]\w*)"  # :name, $name, @name
    r"|(?<![{$])(?<!\\[pP])\{(?P<brace>[A-Za-z_]\w*)"  # {name}, {name!r}, {name:>10}
    r"(?:![ras])?(?::[^{}\s\"']*)?\}(?!\})",
    re.ASCII,
)


def no_placeholder(text: str, place: str) -> InvalidDefinition:
    """Return the refusal of what looks like a placeholder and is none."""
    shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    name = _NAME_WITHIN.fullmatch(text)
    remedy = f"write {{{{{name[1]}}}}}" if name else _REMEDY
    if text.count("{") != text.count("}"):
        return InvalidDefinition(f"unbalanced braces at {place}: {shown}; {remedy}")
    return InvalidDefinition(f"{shown} at {place} is not a placeholder; {remedy}")


def braces_at(sql: str, offset: int) -> str:
    """Return the braces that begin there and what stands between them."""
    found = _BRACES.match(sql, offset)
    return found[0] if found else sql[offset : offset + 1]


def triple_braces_in(text: str) -> str:
    """Return the first ``{{{name}}}`` of a text, which other programs know; empty without one."""
    found = _TRIPLE.search(text)
    return found[0] if found else ""


def odd_braces_in(text: str) -> str:
    """Return the first braces of a text that are no placeholder's; empty where there are none.

    :param text: without its placeholders.
    """
    if block := _BLOCK_IN_TEXT.search(text):
        return block[0]
    if "{{" in text or ("}}" in text and text.count("{") < text.count("}")):
        marks = (text.find(mark) for mark in ("{{", "}}"))
        return braces_at(text, min(offset for offset in marks if offset >= 0))
    return ""


def foreign_value(tokens: QueryTokens, index: int, sql: str) -> str:
    """Return what stands for a value in another style, and never for AMC; else nothing."""
    token, following = tokens[index], tokens.peek(index + 1)
    if token.token_type is TokenType.PLACEHOLDER:
        return token.text
    if following is None:
        return ""
    match token.token_type:
        case TokenType.COLON | TokenType.PARAMETER:
            is_name = adjacent(token, following) and _NAME.fullmatch(following.text)
            return token.text + following.text if is_name else ""
        case TokenType.MOD if following.token_type is TokenType.L_PAREN:
            found = _PERCENT.match(sql, token.start)
            return found[0] if found else ""
        case TokenType.VAR if token.text == "$" and following.token_type is TokenType.L_BRACE:
            return braces_at(sql, token.start)
    return ""


def odd_character_in(name: str) -> tuple[str, str] | None:
    """Return a character in a name without quotes that is not of SQL, and the remedy."""
    found = _ODD_CHARACTER.search(name)
    if found is None:
        return None
    code = f"U+{ord(found[0]):04X}"
    if found["quote"]:
        return f"the typographic quote {found[0]} ({code})", "write ' around text"
    return f"the invisible character {code}", "delete it"


def begins_odd_comment(tokens: QueryTokens, index: int) -> bool:
    """Return whether ``{#`` stands here: AMC has no such comment, so it is sent as written."""
    token, following = tokens[index], tokens.peek(index + 1)
    return (
        token.token_type is TokenType.L_BRACE
        and following is not None
        and following.token_type is TokenType.HASH
        and adjacent(token, following)
    )


def ends_odd_comment(tokens: QueryTokens, index: int) -> bool:
    """Return whether ``#}`` ends here."""
    before, token = tokens.peek(index - 1), tokens[index]
    return (
        token.token_type is TokenType.R_BRACE
        and before is not None
        and before.token_type is TokenType.HASH
        and adjacent(before, token)
    )


def foreign_names(text: str) -> Iterator[tuple[str, str, int, bool]]:
    """Yield the names in a text that other programs would replace by values.

    With each name come its text, its offset and whether nothing else can be meant, as in
    ``${name}``. A ``$name`` may be text.
    """
    for match in _FOREIGN_IN_TEXT.finditer(text):
        name = next(group for group in match.groups() if group)
        yield name, match[0], match.start(), match.lastgroup in ("dollar", "percent")
