"""An Airflow DAG that tells users by mail what happened to their work, every two minutes."""

from __future__ import annotations

from recomamp.pipeline.notifications.operator import notification_dag

dag = notification_dag()
