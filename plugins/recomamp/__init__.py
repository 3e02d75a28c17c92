"""The RecomAMP pipeline: rows of Postgres become Airflow DAGs, AMC executions and results.

``pipeline/__init__.py`` follows one row to its result, file by file.

    errors.py       everything that can go wrong, as one tree
    version.py      the version of the running code
    domain/         pure values and rules: definitions, queries, windows, states
    amazon/         talks to Amazon: signing in, AMC's API, the Ads API
    store/          talks to Postgres and to the results' storage: one function per SQL file
    pipeline/       the Airflow side: generator, timetables, the four tasks, triggers, system DAGs
    results/        results as DataFrames, for notebooks and other DAGs
    provider/       operators, sensor, trigger and hook for an Airflow without our database
    follower/       a process that asks Airflow to parse a DAG file as soon as its rows change

Imports point one way: domain <- amazon, store <- pipeline <- provider, follower, results, dags/.
Only pipeline, provider and dags/ import Airflow.
"""

from __future__ import annotations
