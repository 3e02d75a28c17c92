"""Results as pandas DataFrames, for notebooks and for tasks of other DAGs.

Column types are Arrow's (``pandas.ArrowDtype``), so every value is exact: LONG ids beyond 2**53,
DECIMALs, dates and timestamps. NULL is ``pandas.NA`` and differs from the empty text.

A result is *current* where it is the latest success of its workflow, schedule or collection, and
window. docs/how-to/read-results.md has examples.
"""

from __future__ import annotations

from recomamp.results.frames import as_of, current, execution, windows

__all__ = ["as_of", "current", "execution", "windows"]
