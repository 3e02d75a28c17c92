"""Pure values and rules. Imports no other layer, no Airflow, no network, no database."""

from __future__ import annotations
