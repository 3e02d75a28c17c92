"""What logs say of errors whose words may come from a row."""

from __future__ import annotations

import traceback


def frames(error: BaseException) -> str:
    """Return where an error came from, without its words: they may quote a row, line ends too."""
    return "".join(traceback.format_tb(error.__traceback__)).rstrip()
