"""The RecomAMP pipeline: rows of Postgres become Airflow DAGs, AMC executions and results.

    domain/    pure values and rules: models, windows, parameters, states, errors
    amazon/    talks to Amazon: signing in, requests and responses, the client
    store/     talks to Postgres and to the results' storage: one function per SQL file
    pipeline/  the Airflow side: hooks, operators, trigger, timetables, DAG factory

Imports point one way: domain <- amazon, store <- pipeline <- dags/.
Only pipeline and dags/ know Airflow.
"""

from __future__ import annotations
