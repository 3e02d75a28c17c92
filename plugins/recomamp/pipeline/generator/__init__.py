"""From rows of Postgres to DAGs."""

from __future__ import annotations
