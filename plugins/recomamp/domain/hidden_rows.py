"""How many rows of a result privacy has removed or blanked, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recomamp.domain.text import one_line

MAX_REASONS = 50
MAX_REASON_CHARS = 200
NO_REASON = "AMC gave no reason"
OTHER_REASONS = "other reasons"

_NUMBER = re.compile(r"^\s*[\d,.]+\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class HiddenRows:
    """The counts of one result. AMC adds up like rows before, so a row may stand for several.

    ``reasons`` counts both kinds of rows; None where AMC gave no reasons at all.
    """

    removed: int
    blanked: int
    reasons: dict[str, int] | None


def reason_of(text: str | None) -> str:
    """Return AMC's reason without its number of users, so that like reasons are counted as one.

    AMC writes ``97 'dsp_impressions' users < 100 required``.
    """
    return one_line(_NUMBER.sub("", text or "", count=1), MAX_REASON_CHARS) or NO_REASON


def add_reason(counts: dict[str, int], text: str | None, number: int) -> None:
    """Add to the count of a reason; beyond ``MAX_REASONS`` of them to that of all others."""
    reason = reason_of(text)
    if reason not in counts and len(counts) >= MAX_REASONS - 1:
        reason = OTHER_REASONS
    counts[reason] = counts.get(reason, 0) + number
