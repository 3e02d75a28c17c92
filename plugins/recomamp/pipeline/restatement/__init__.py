"""Reading windows again at planned ages."""

from __future__ import annotations
