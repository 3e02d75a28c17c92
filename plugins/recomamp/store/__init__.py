"""Talks to Postgres, one function per SQL file, and to the results' storage. No Airflow.

Two ids of an AMC instance, and two of its account, have these names:

    instance_key    UUID of the row of ``amc_instances``; ``workflow_executions.instance_id``
    instance_id     AMC's own string, ``amc_instances.instance_id``
    account_key     UUID of the row of ``amc_accounts``; ``amc_instances.account_id``
    entity_id       Amazon's own string, ``amc_accounts.account_id``

The columns keep the names of the application's schema. ``amc_instance_id`` of an execution is AMC's
string, kept for the case that the instance's row changes.
"""

from __future__ import annotations
