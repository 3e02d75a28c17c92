"""Makes DAGs follow their rows at once: listens to the database, asks Airflow to parse."""

from __future__ import annotations
