"""The demo: rows as an analyst would insert them, run to their end before your eyes."""

from __future__ import annotations
