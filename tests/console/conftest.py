"""Fixtures of the console alone: they import Airflow's API server, which no other test needs."""

from __future__ import annotations

from fixtures.console import console

__all__ = ["console"]
