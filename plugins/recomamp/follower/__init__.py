"""A process that listens for changed rows and asks Airflow to parse their DAG files at once."""

from __future__ import annotations
