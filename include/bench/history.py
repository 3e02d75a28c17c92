"""A database with past executions, runs and weeks, generated in SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from psycopg2.extensions import connection as Connection

WEEKS_OF_A_COLLECTION = 100
SCHEDULES_OF_A_USER = 50
AGE = timedelta(days=730)

# Set-based, without triggers and foreign-key checks: the rows are as those would leave them.
# md5 of a number is the row's UUID, so that rows of different tables find each other.
_DEFINITIONS = """
INSERT INTO users (id, email, full_name)
SELECT md5('user ' || n)::UUID, 'user' || n || '@example.com', 'User ' || n
FROM generate_series(1, %(users)s) AS n;

INSERT INTO amc_accounts (id, account_id, account_name)
SELECT md5('account ' || n)::UUID, 'ENTITY' || n, 'Account ' || n
FROM generate_series(1, %(users)s) AS n;

INSERT INTO amc_instances (id, instance_id, name, region, user_id, account_id, instance_type)
SELECT
    md5('instance ' || n)::UUID, 'amc' || n, 'Instance ' || n, 'us-east-1',
    md5('user ' || n)::UUID, md5('account ' || n)::UUID, 'STANDARD'
FROM generate_series(1, %(users)s) AS n;

INSERT INTO workflows (id, name, sql_query, user_id, instance_id)
SELECT
    md5('workflow ' || n)::UUID, 'Workflow ' || n,
    'SELECT campaign, SUM(impressions) AS impressions FROM dsp_impressions GROUP BY campaign',
    md5('user ' || 1 + n %% %(users)s)::UUID, md5('instance ' || 1 + n %% %(users)s)::UUID
FROM generate_series(1, %(schedules)s) AS n;

INSERT INTO workflow_schedules
    (id, name, cron_expression, timezone, workflow_id, user_id, next_run_at, total_runs)
SELECT
    md5('schedule ' || n)::UUID, 'Schedule ' || n, n %% 60 || ' 6 * * *', 'UTC',
    md5('workflow ' || n)::UUID, md5('user ' || 1 + n %% %(users)s)::UUID, NOW(), 0
FROM generate_series(1, %(schedules)s) AS n;

INSERT INTO report_data_collections
    (id, name, workflow_id, instance_id, user_id, start_date, end_date, total_weeks)
SELECT
    md5('collection ' || n)::UUID, 'Collection ' || n,
    md5('workflow ' || n)::UUID, md5('instance ' || 1 + n %% %(users)s)::UUID,
    md5('user ' || 1 + n %% %(users)s)::UUID,
    '2020-01-01', DATE '2020-01-01' + 7 * %(weeks_each)s - 1, %(weeks_each)s
FROM generate_series(1, %(collections)s) AS n;
"""

# The last execution of a user is open, every tenth belongs to a collection where the user has one,
# every twentieth failed.
_PAST = """
INSERT INTO workflow_executions (
    id, amc_execution_id, workflow_id, user_id, instance_id, schedule_id, collection_id,
    dag_id, dag_run_id, status, parameters, result_data, result_rows, result_size_bytes,
    execution_duration, window_start, window_end, window_time_zone, amc_workflow_id, amc_status,
    submitted_sql, created_at, updated_at, slot_granted_at, submission_started_at, submitted_at,
    started_at, completed_at, deadline_at
)
SELECT
    md5('execution ' || n)::UUID,
    'amc-' || n,
    md5('workflow ' || s)::UUID,
    md5('user ' || 1 + s %% %(users)s)::UUID,
    md5('instance ' || 1 + s %% %(users)s)::UUID,
    CASE WHEN NOT is_week THEN md5('schedule ' || s)::UUID END,
    CASE WHEN is_week THEN md5('collection ' || c)::UUID END,
    CASE
        WHEN is_week THEN 'amc_collection_' || md5('collection ' || c)::UUID
        ELSE 'amc_schedule_' || md5('schedule ' || s)::UUID
    END,
    'scheduled__' || n,
    CASE
        WHEN n > %(executions)s - %(users)s THEN 'RUNNING'
        WHEN n %% 20 = 1 THEN 'FAILED'
        ELSE 'SUCCESS'
    END,
    '{"minimum": 10}',
    CASE WHEN n %% 20 <> 1 AND n <= %(executions)s - %(users)s THEN jsonb_build_object(
        'schema', '{"fields": [{"name": "campaign", "type": "string"}]}'::JSONB,
        'data', jsonb_build_array(
            jsonb_build_object('campaign', 'Campaign ' || n %% 1000, 'impressions', n)
        )
    ) END,
    1, 80, 60,
    at - INTERVAL '7 days', at, 'UTC',
    'recomamp-' || md5('execution ' || n)::UUID,
    CASE WHEN n > %(executions)s - %(users)s THEN 'RUNNING' ELSE 'SUCCEEDED' END,
    'SELECT campaign, SUM(impressions) AS impressions FROM dsp_impressions GROUP BY campaign',
    at, at, at, at, at, at,
    CASE WHEN n <= %(executions)s - %(users)s THEN at + INTERVAL '1 minute' END,
    at + INTERVAL '1 day'
FROM generate_series(1, %(executions)s) AS n
CROSS JOIN LATERAL (
    SELECT
        1 + n %% %(schedules)s AS s,
        NOW() - (%(executions)s - n) * %(age)s / %(executions)s AS at
) AS derived
CROSS JOIN LATERAL (
    SELECT COALESCE(NULLIF(s %% %(users)s, 0), %(users)s) AS c
) AS of_same_user
CROSS JOIN LATERAL (
    SELECT n %% 10 = 0 AND c <= %(collections)s AS is_week
) AS kind;

INSERT INTO schedule_runs
    (id, schedule_id, execution_id, dag_run_id, status, duration_seconds, created_at)
SELECT
    md5('run ' || id)::UUID, schedule_id, id, dag_run_id, status, 60, created_at
FROM workflow_executions
WHERE schedule_id IS NOT NULL AND status <> 'RUNNING';

INSERT INTO report_data_weeks (
    id, collection_id, week_start_date, week_end_date, week_number, status, execution_duration,
    result_rows, result_size_bytes, started_at, completed_at
)
SELECT
    gen_random_uuid(), collection.id, start_date + 7 * week, start_date + 7 * week + 6, week + 1,
    CASE WHEN week %% 2 = 0 THEN 'SUCCESS' ELSE 'PENDING' END,
    CASE WHEN week %% 2 = 0 THEN 60 END,
    CASE WHEN week %% 2 = 0 THEN 1 END,
    CASE WHEN week %% 2 = 0 THEN 80 END,
    CASE WHEN week %% 2 = 0 THEN NOW() - INTERVAL '1 day' END,
    CASE WHEN week %% 2 = 0 THEN NOW() - INTERVAL '1 day' + INTERVAL '1 minute' END
FROM report_data_collections AS collection
CROSS JOIN generate_series(0, %(weeks_each)s - 1) AS week;

INSERT INTO amc_api_errors
    (at, instance_id, execution_id, user_id, method, path, operation, status, message)
SELECT
    created_at, instance_id, id, user_id, 'GET', '/amc', 'list_executions', 429, 'slow down'
FROM workflow_executions
WHERE status = 'FAILED';

INSERT INTO run_requests (
    user_id, action, execution_id, status, created_at, next_try_at, accepted_at, completed_at,
    claimed_until
)
SELECT
    user_id, 'RETRY', id, CASE status WHEN 'RUNNING' THEN 'PENDING' ELSE 'DONE' END,
    created_at, created_at, created_at, created_at, created_at
FROM workflow_executions;

INSERT INTO reconciliations (at, instance_id, execution_id, action, detail)
SELECT created_at, instance_id, id, 'CLOSE', 'no living DAG run'
FROM workflow_executions
WHERE status = 'FAILED';
"""

GROWING_TABLES = (
    "workflow_executions",
    "schedule_runs",
    "report_data_weeks",
    "amc_api_errors",
    "reconciliations",
    "run_requests",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The size of the past."""

    executions: int
    weeks: int
    users: int = 20

    @property
    def schedules(self) -> int:
        """As many as there are workflows."""
        return self.users * SCHEDULES_OF_A_USER

    @property
    def collections(self) -> int:
        """Of a hundred weeks each, half of which are done."""
        return max(1, self.weeks // WEEKS_OF_A_COLLECTION)

    def keys(self, kind: str) -> list[UUID]:
        """Return the UUIDs of all rows of a kind: ``schedule`` or ``collection``."""
        count = {"schedule": self.schedules, "collection": self.collections}[kind]
        return [key(f"{kind} {number}") for number in range(1, count + 1)]


def key(row: str) -> UUID:
    """Return the UUID of a generated row by its kind and number, such as `schedule 1`."""
    return UUID(hashlib.md5(row.encode(), usedforsecurity=False).hexdigest())


def write_history(superuser: Connection, history: History) -> None:
    """Fill an empty database and gather statistics. The connection commits by itself."""
    parameters = {
        "age": AGE,
        "executions": history.executions,
        "users": history.users,
        "schedules": history.schedules,
        "collections": history.collections,
        "weeks_each": min(history.weeks, WEEKS_OF_A_COLLECTION),
    }
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        cursor.execute(_DEFINITIONS, parameters)
        cursor.execute(_PAST, parameters)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM (ANALYZE)")
