"""The RecomAMP pipeline: rows of Postgres become Airflow DAGs, AMC executions and results.

    domain/    pure values and rules: models, windows, parameters, states, errors
    amazon/    talks to Amazon: signing in, requests and responses, the client
    store/     talks to Postgres and to the results' storage: one function per SQL file
    pipeline/  the Airflow side: hooks, operators, trigger, timetables, DAG factory
    following/ has Airflow parse at once what the database says has changed

Imports point one way: domain <- amazon, store <- pipeline <- following, dags/.
Only pipeline and dags/ import Airflow.
"""

from __future__ import annotations
