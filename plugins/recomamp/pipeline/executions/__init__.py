"""The four tasks of a run: submit, wait, load, record."""

from __future__ import annotations
