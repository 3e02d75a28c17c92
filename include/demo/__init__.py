"""The demo: insert rows as an analyst does, run them to their end, show the results."""

from __future__ import annotations
