"""The pipeline's daily upkeep, as an Airflow DAG."""

from __future__ import annotations

from recomamp.pipeline.maintenance.dag import maintenance_dag

dag = maintenance_dag()
