"""The daily sync of campaigns and their figures, as an Airflow DAG."""

from __future__ import annotations

from recomamp.pipeline.campaigns.operators import campaigns_dag

dag = campaigns_dag()
