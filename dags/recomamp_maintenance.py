"""The pipeline's daily upkeep, as an Airflow DAG."""

from __future__ import annotations

from recomamp.pipeline.upkeep_dag import maintenance_dag

dag = maintenance_dag()
