"""Health checks of AMC instances, and the tables that they offer."""

from __future__ import annotations
