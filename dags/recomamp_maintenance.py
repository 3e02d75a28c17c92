"""The pipeline's daily upkeep, as an Airflow DAG."""

from __future__ import annotations

from recomamp.pipeline.maintaining import maintenance_dag

dag = maintenance_dag()
