-- The rows of the demo, as the application and its analysts would insert them.
-- Parameters: the ids of rows.py; the users' encrypted tokens; the workflows' SQL; the schedules' cron
-- expressions and their created_at; the dates of the collection and of the backfill.

INSERT INTO users (id, email, full_name, timezone, encrypted_refresh_token)
VALUES
    (%(north_user)s, 'nora@demo.example', 'Nora North', 'America/Los_Angeles', %(north_token)s),
    (%(europe_user)s, 'emil@demo.example', 'Emil Europe', 'Europe/Berlin', %(europe_token)s);

INSERT INTO amc_accounts (id, account_id, account_name, country_code)
VALUES
    (%(north_account)s, 'ENTITYDEMONORTH', 'Demo North', 'US'),
    (%(europe_account)s, 'ENTITYDEMOEUROPE', 'Demo Europe', 'DE');

INSERT INTO amc_instances (id, instance_id, name, region, user_id, account_id)
VALUES
    (
        %(north_instance)s, 'amcdemonorth', 'Demo North', 'us-east-1',
        %(north_user)s, %(north_account)s
    ),
    (
        %(europe_instance)s, 'amcdemoeurope', 'Demo Europe', 'eu-west-1',
        %(europe_user)s, %(europe_account)s
    );

INSERT INTO workflows (
    id, name, description, sql_query, parameters, user_id, instance_id, template_id
)
VALUES
    (
        %(reach_workflow)s, 'Reach and frequency', 'Made from a template of the library.',
        %(reach_sql)s, %(reach_parameters)s, %(north_user)s, %(north_instance)s, %(reach_template)s
    ),
    (
        %(costs_workflow)s, 'Costs by campaign', 'What sponsored ads cost, by campaign and day.',
        %(costs_sql)s, '{}', %(europe_user)s, %(europe_instance)s, NULL
    ),
    (
        %(sales_workflow)s, 'Sales by campaign', 'What the ads of a day have sold.',
        %(sales_sql)s, '{}', %(europe_user)s, %(europe_instance)s, NULL
    ),
    (
        %(refused_workflow)s, 'All columns', 'AMC refuses SELECT *.',
        %(refused_sql)s, '{}', %(north_user)s, %(north_instance)s, NULL
    );

-- They were created some days ago, so Airflow runs their latest tick at once.
INSERT INTO workflow_schedules (
    id, name, workflow_id, user_id, cron_expression, timezone, parameters, created_at
)
VALUES
    (
        %(reach_schedule)s, 'Reach every day', %(reach_workflow)s, %(north_user)s,
        %(los_angeles_cron)s, 'America/Los_Angeles', '{"frequency_cap": 3}', %(created_at)s
    ),
    (
        %(costs_schedule)s, 'Costs every day', %(costs_workflow)s, %(europe_user)s,
        %(berlin_cron)s, 'Europe/Berlin', '{}', %(created_at)s
    ),
    (
        %(sales_schedule)s, 'Sales every day', %(sales_workflow)s, %(europe_user)s,
        %(berlin_cron)s, 'Europe/Berlin', '{"window": {"restate_days": [7, 31]}}', %(created_at)s
    ),
    (
        %(refused_schedule)s, 'Refused by AMC', %(refused_workflow)s, %(north_user)s,
        %(utc_cron)s, 'UTC', '{}', %(created_at)s
    );

INSERT INTO report_data_collections (
    id, name, workflow_id, instance_id, user_id, start_date, end_date, parameters
)
VALUES (
    %(collection)s, 'Costs of six weeks', %(costs_workflow)s, %(europe_instance)s,
    %(europe_user)s, %(start_date)s, %(end_date)s, '{"timezone": "Europe/Berlin"}'
);

-- As an analyst asks for past days: the request waits until the DAG is there.
INSERT INTO run_requests (action, schedule_id, user_id, from_date, to_date)
VALUES (
    'BACKFILL', %(reach_schedule)s, %(north_user)s, %(backfill_from)s, %(backfill_to)s
);

-- The result has fewer rows, so its owner hears of it.
INSERT INTO result_checks (user_id, schedule_id, name, measure, comparison, threshold)
VALUES (%(europe_user)s, %(costs_schedule)s, 'a million rows', 'ROWS', '>=', 1000000);

-- The emulator does not know the last product.
INSERT INTO asins (asin, user_id)
VALUES
    ('B0DEMO0001', %(north_user)s),
    ('B0DEMO0002', %(north_user)s),
    ('B0DEMO0003', %(europe_user)s),
    ('BXDEMO0004', %(europe_user)s);
