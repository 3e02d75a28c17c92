"""A stand-in for Amazon Marketing Cloud that speaks its HTTP API and really runs the SQL."""

from __future__ import annotations
