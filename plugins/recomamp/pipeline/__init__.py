"""The Airflow side: hooks, operators, trigger, timetables and the DAG factory."""

from __future__ import annotations
