"""Pure values and rules. Imports nothing of ours, no Airflow, no network, no database."""

from __future__ import annotations
