"""Texts that come from outside, fit for a database, a header of a mail or a line of a log."""

from __future__ import annotations

import re
import unicodedata

MAX_LINE = 2000
MAX_NAME = 100  # of a part's name, before the id that follows it

# No name that a row may have is as long; longer ones are wrong, and their beginning identifies them
_LONG_WORD = re.compile(r"(\S{60})\S{140,}")

# Controls, halves of surrogate pairs, separators of lines and paragraphs
_NO_CHARACTERS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_INVISIBLE = "Cf"  # among them what turns the direction of the text after it


def strip_unstorable(text: str) -> str:
    """Return a text without what Postgres cannot store: U+0000, halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def printable(text: str) -> str:
    """Return text without invisible characters, and with a space for each control character."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_printable, text))


def one_line(text: object, longest: int = MAX_LINE) -> str:
    """Return text as one line of printable characters, shortened to a length.

    Nothing in it can begin a header of a mail, a line of a log or a command to a terminal.
    """
    whole = str(text if text is not None else "")
    # The rest of a text of megabytes is not looked at: what is dropped shortens a line only
    line = " ".join(printable(whole[: longest * 4]).split())
    is_whole = len(line) <= longest and len(whole) <= longest * 4
    return line if is_whole else f"{line[: longest - 1]}…"


def bounded_quotes(text: str) -> str:
    """Return a message whose quotes are short enough for its end to be read: the remedy.

    Of a word of 200 characters and more the first 60 stay, of a longer message the two ends.
    """
    text = _LONG_WORD.sub(r"\1…", text)
    if len(text) <= MAX_LINE:
        return text
    third = MAX_LINE // 3
    return f"{text[:third]} … {text[-third:]}"


def _printable(char: str) -> str:
    category = unicodedata.category(char)
    if category in _NO_CHARACTERS:
        return " "
    return "" if category == _INVISIBLE else char
