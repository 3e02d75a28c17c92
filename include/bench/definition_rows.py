"""Rows in the application's database that the generator makes DAGs of."""

from __future__ import annotations

from psycopg2.extensions import connection as Connection

INSTANCES = 20

_OWNERS = """
    INSERT INTO users (email, full_name)
    SELECT 'ann' || n || '@example.com', 'Ann ' || n FROM generate_series(1, 5) AS n;
    -- Thousands of rows of five users: the limits of people do not matter here
    INSERT INTO user_quotas (
        user_id, max_active_schedules, max_schedules, max_open_collections, max_open_weeks,
        max_collections, max_workflows, max_definition_bytes
    )
    SELECT id, 1000000, 1000000, 1000000, 1000000, 1000000, 1000000, 2000000000 FROM users;
    INSERT INTO amc_accounts (account_id, account_name, country_code)
    SELECT 'ENTITY' || n, 'Account ' || n, 'US' FROM generate_series(1, 5) AS n;
    INSERT INTO amc_instances (instance_id, name, region, user_id, account_id, instance_type)
    SELECT 'amcbench' || n, 'Bench ' || n, 'us-east-1', owner.id, account.id, 'STANDARD'
    FROM generate_series(1, %(instances)s) AS n
    JOIN users AS owner ON owner.email = 'ann' || (n %% 5 + 1) || '@example.com'
    JOIN amc_accounts AS account ON account.account_id = 'ENTITY' || (n %% 5 + 1);
"""
# A query of its own for each row, so that nothing read once serves a second DAG
_WORKFLOWS = """
    INSERT INTO workflows (name, description, sql_query, parameters, user_id, instance_id)
    SELECT
        %(kind)s || ' ' || n,
        'Impressions and clicks by campaign',
        'SELECT campaign, advertiser, SUM(impressions) AS impressions_' || n || ','
        ' SUM(clicks) AS clicks, COUNT(DISTINCT user_id) AS people FROM dsp_impressions'
        ' WHERE impressions >= {{minimum}} AND advertiser IN ({{names}})'
        ' GROUP BY campaign, advertiser',
        '{"minimum": {"type": "LONG", "default": 1, "description": "Smaller rows are left out."},'
        ' "names": ["Nile", "Danube"]}',
        instance.user_id,
        instance.id
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN amc_instances AS instance ON instance.instance_id = 'amcbench' || (n %% %(instances)s + 1);
"""
_SCHEDULES = """
    INSERT INTO workflow_schedules
        (name, cron_expression, timezone, parameters, workflow_id, user_id, is_active, created_at)
    SELECT
        'Every morning ' || n,
        (n %% 60) || ' ' || (n %% 24) || ' * * *',
        (ARRAY['Europe/Berlin', 'America/Los_Angeles', 'UTC'])[n %% 3 + 1],
        '{"minimum": 10}',
        workflow.id,
        workflow.user_id,
        %(is_active)s,
        '2026-01-01T00:00:00Z'
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN workflows AS workflow ON workflow.name = 'schedule ' || n;
"""
_COLLECTIONS = """
    INSERT INTO report_data_collections
        (name, start_date, end_date, parameters, workflow_id, instance_id, user_id)
    SELECT
        'Last quarter ' || n, '2026-01-01', '2026-03-31', '{"minimum": 10}',
        workflow.id, workflow.instance_id, workflow.user_id
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN workflows AS workflow ON workflow.name = 'collection ' || n;
"""


def insert_owners(connection: Connection) -> None:
    """Insert users, accounts and instances."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNERS, {"instances": INSTANCES})


def insert_schedules(
    connection: Connection, count: int, *, first: int = 1, is_active: bool = True
) -> None:
    """Insert this number of schedules, each with its own workflow, numbered from `first`."""
    _insert(connection, "schedule", _SCHEDULES, count, first, is_active=is_active)


def insert_collections(connection: Connection, count: int, *, first: int = 1) -> None:
    """Insert this number of collections of thirteen weeks, each with its own workflow."""
    _insert(connection, "collection", _COLLECTIONS, count, first)


def _insert(
    connection: Connection, kind: str, statement: str, count: int, first: int, **more: bool
) -> None:
    numbers = {"first": first, "last": first + count - 1, "instances": INSTANCES, "kind": kind}
    with connection.cursor() as cursor:
        cursor.execute(_WORKFLOWS, numbers)
        cursor.execute(statement, {**numbers, **more})
        cursor.execute("ANALYZE")
