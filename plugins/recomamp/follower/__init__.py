"""A process that listens for changed rows, has Airflow parse their DAG files, and runs requests."""

from __future__ import annotations
