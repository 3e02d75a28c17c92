"""Comparing the executions of AMC with the rows of Postgres."""

from __future__ import annotations
