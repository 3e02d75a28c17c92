"""The Airflow side. This map follows a row of ``workflow_schedules`` to its result, file by file.

Five files show the way in ten minutes: ``generator/factory.py``, ``domain/scheduling/windows.py``,
``executions/submission.py``, ``executions/wait.py`` and ``executions/load.py``.
Three more say what may happen on it: ``domain/execution_states.py``, ``retry_policy.py`` and
``docs/reference/results.md``.

From the row to the DAG. Airflow parses ``dags/amc_schedules.py``, which calls the first file:

1. ``generator/factory.py`` builds one DAG per row: ``submit >> wait >> load >> record``.
2. ``generator/definitions.py`` selects the rows, and falls back on the last snapshot of them.
3. ``domain/definitions.py`` reads a row as a ``Schedule`` or a ``Collection``, or names its error.
4. ``timetables/schedule.py`` tells Airflow when a run starts and what its data interval is.
5. ``domain/scheduling/windows.py`` computes the window of a tick: ``ScheduleWindows.at``.

From the run to AMC and back:

6. ``executions/submit.py`` is the first task. It skips a window that already has results.
7. ``executions/run_context.py`` reads window and parameters of the DAG run. ``domain/run_spec.py``
   joins them with the definition. ``domain/sql/binding.py`` binds ``{{name}}`` to its value.
8. ``executions/submission.py`` inserts the attempt, asks for a slot and sends the query once.
   ``amazon/amc/client.py`` makes the POST (``create_execution``).
9. ``executions/wait.py`` is the second task. It defers until AMC has ended the execution.
10. ``triggers/execution.py`` waits in the triggerer; one poller asks AMC about all executions.
11. ``executions/load.py`` is the third task. It downloads the result and marks the row as SUCCESS.
12. ``store/results/writer.py`` turns the CSV parts into Parquet files and the row's JSON document.
13. ``executions/record.py`` is the last task. It writes the run's row of ``schedule_runs`` or ends
    its week, sets ``next_run_at``, and ends an execution that the run has left open.

The four tasks share ``executions/base.py``. Its ``submit_or_defer`` brings the run's attempt to
AMC, or defers the task while no slot is free. Its ``error_handling`` writes why a try failed, and
when the next one comes. ``executions/adoption.py`` finds at AMC what an interrupted try has sent,
by ``amazon/amc/search.py``. ``store/executions.py`` runs the statements that change an attempt:
each is a file of ``include/sql/queries``.

The way back: ``workflow_executions.id`` is in the name that AMC knows (``recomamp-<id>``) and in
the directory of the Parquet files. The row names its run in Airflow by ``dag_id`` and
``dag_run_id``, and its definition by ``schedule_id`` or ``collection_id``. It says why its last
try failed (``error_type``, ``error_message``) and when the next comes (``next_retry_at``);
``retry_policy.py`` decides that. ``docs/reference/results.md`` has the queries.

Other files: ``assets.py`` names the two Assets that a load updates.
``executions/versions.py`` compares a result with the version of its window before, and
``restatement`` asks every hour for windows that are due for another version.
``timetables/base.py`` and ``triggers/base.py`` hold what two timetables and two triggers share.
``metrics.py`` and ``queue_gauges.py`` send what ``domain/metrics.py`` lists. ``log_context.py``
puts the execution's id into log lines. ``executions/lineage.py`` describes a load to OpenLineage.
``generator/shard_bundle.py`` writes more DAG files where the rows are spread over shards.
Triggers of the database count the runs of a schedule, in ``include/sql/migrations/0007_*.sql``.

Outside of this way: ``reconciliation`` compares AMC with the rows every five minutes, and ends
executions that have lost their run; ``instances``, ``campaigns``, ``asins``, ``notifications`` and
``maintenance`` are the pipeline's own DAGs.
"""

from __future__ import annotations
