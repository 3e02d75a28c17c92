"""AMC for an Airflow of one's own, without the pipeline's database.

    info.py         what Airflow's list of providers shows: the connection type and its form
    plugin.py       what Airflow has to register: timetables and the link
    hooks.py        AmcHook: a connection of the type ``amc`` as a client
    operators.py    AmcQueryOperator does all in one task; two others submit and download
    sensors.py      AmcExecutionSensor waits between these two
    triggers.py     waits in the triggerer
    timetables.py   the pipeline's timetables, with short arguments
    request.py      what is asked: the bound query and its window
    attempts.py     exactly once: what a task stores before it sends, and what it adopts
    download.py     results as Parquet files
    links.py        from a task to its execution

Nothing here, and nothing that it imports, needs psycopg2: pyproject.toml refuses it.
docs/how-to/use-the-package.md has an example, docs/adr/0043 the reasons.
"""

from __future__ import annotations
