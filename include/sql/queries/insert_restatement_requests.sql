-- Ask for another reading of each window of a user's definitions that is due for one: of active
-- schedules, and of collections that are not paused.
-- Due is a window with results that has reached an age of its definition since its last success. After
-- an outage that is the latest age alone. Ages whose request was made before are not asked for again,
-- whatever became of it.
-- A window is left where its latest version changed too little (is_restatement_stopped), and 30 days
-- after its last age. A version that a rule of the user refuses is a reading, but ends nothing, and
-- what equals it does not either: current_results does not show it. Only results of the definition's
-- present workflow count. A SKIPPED week is left too.
-- Nothing is asked for while the instance or its owner is off, or Amazon refuses them. The age stays
-- due.
-- Windows that have waited longest come first, as far as the user's open requests leave room. A
-- request is DONE once Airflow has its run. It counts until that run has ended, for two days at most.
-- The end of a schedule's run is its run record. A collection's run has ended where no execution of it
-- is open or waits for another attempt.
-- Parameters: user_id, now, most_open (where the user has no row of user_quotas).
WITH restated AS MATERIALIZED (
    SELECT
        schedule.id AS schedule_id,
        NULL::UUID AS collection_id,
        schedule.workflow_id,
        workflow.instance_id,
        plan.ages,
        plan.threshold
    FROM workflow_schedules AS schedule
    JOIN workflows AS workflow
        ON workflow.id = schedule.workflow_id AND workflow.user_id = schedule.user_id
    CROSS JOIN LATERAL restatement_plan(schedule.parameters, 2) AS plan
    WHERE schedule.user_id = %(user_id)s
      AND schedule.is_active
      AND schedule.parameters #> '{window,restate_days}' IS NOT NULL
    UNION ALL
    SELECT
        NULL,
        collection.id,
        collection.workflow_id,
        collection.instance_id,
        plan.ages,
        plan.threshold
    FROM report_data_collections AS collection
    CROSS JOIN LATERAL restatement_plan(collection.parameters, 14) AS plan
    WHERE collection.user_id = %(user_id)s
      AND collection.status <> 'PAUSED'
      AND collection.parameters #> '{window,restate_days}' IS NOT NULL
),
planned AS MATERIALIZED (
    SELECT
        restated.*,
        %(now)s::TIMESTAMPTZ - (restated.ages[cardinality(restated.ages)] + 30) * INTERVAL '24 hours'
            AS ended_after,
        %(now)s::TIMESTAMPTZ - restated.ages[1] * INTERVAL '24 hours' AS ended_before
    FROM restated
    JOIN amc_instances AS instance ON instance.id = restated.instance_id
    JOIN users AS owner ON owner.id = instance.user_id
    WHERE owner.id = %(user_id)s
      AND instance.is_active
      AND instance.health_status IS DISTINCT FROM 'ERROR'
      AND owner.is_active
      AND owner.consent_revoked_at IS NULL
),
latest AS (
    SELECT DISTINCT ON (
        planned.schedule_id, planned.collection_id, execution.window_start, execution.window_end
    )
        planned.schedule_id,
        planned.collection_id,
        planned.ages,
        planned.threshold,
        execution.id AS execution_id,
        execution.created_at AS version_created_at,
        execution.window_start,
        execution.window_end,
        execution.window_time_zone,
        COALESCE(execution.error_type, '') IN ('CONTRACT_BROKEN', 'CHECK_FAILED') AS is_refused,
        MAX(execution.created_at) OVER (
            PARTITION BY
                planned.schedule_id, planned.collection_id,
                execution.window_start, execution.window_end
        ) AS created_at
    FROM planned
    CROSS JOIN LATERAL (
        SELECT *
        FROM workflow_executions
        WHERE schedule_id = planned.schedule_id
        UNION ALL
        SELECT *
        FROM workflow_executions
        WHERE collection_id = planned.collection_id
    ) AS execution
    WHERE execution.window_end > planned.ended_after
      AND execution.window_end <= planned.ended_before
      AND execution.status = 'SUCCESS'
      AND execution.window_type = 'EXPLICIT'
      AND execution.workflow_id = planned.workflow_id
      AND execution.user_id = %(user_id)s
    ORDER BY
        planned.schedule_id, planned.collection_id, execution.window_start, execution.window_end,
        is_refused, execution.completed_at DESC NULLS LAST, execution.id DESC
),
due AS (
    SELECT latest.*, passed.age, latest.window_end + passed.age * INTERVAL '24 hours' AS due_at
    FROM latest
    CROSS JOIN LATERAL (
        SELECT MAX(age) AS age
        FROM unnest(latest.ages) AS age
        WHERE latest.window_end + age * INTERVAL '24 hours' <= %(now)s
    ) AS passed
    WHERE latest.created_at < latest.window_end + passed.age * INTERVAL '24 hours'
)
INSERT INTO run_requests (
    user_id, action, schedule_id, collection_id, window_start, window_end, restate_age_days
)
SELECT
    %(user_id)s, 'RESTATE', due.schedule_id, due.collection_id, due.window_start, due.window_end,
    due.age
FROM due
LEFT JOIN result_differences AS difference
    ON difference.execution_id = due.execution_id AND NOT due.is_refused
LEFT JOIN workflow_executions AS previous
    ON previous.id = difference.previous_execution_id
    AND COALESCE(previous.error_type, '') NOT IN ('CONTRACT_BROKEN', 'CHECK_FAILED')
WHERE NOT is_restatement_stopped(
        due.ages, due.threshold, due.window_end, previous.created_at,
        due.version_created_at, difference.change_ratio
    )
  AND NOT EXISTS (
      SELECT FROM run_requests AS earlier
      WHERE earlier.user_id = %(user_id)s
        AND earlier.action = 'RESTATE'
        AND COALESCE(earlier.schedule_id, earlier.collection_id)
            = COALESCE(due.schedule_id, due.collection_id)
        AND earlier.window_start = due.window_start
        AND earlier.window_end = due.window_end
        AND earlier.restate_age_days = due.age
  )
  AND NOT EXISTS (
      SELECT FROM report_data_weeks AS week
      WHERE week.collection_id = due.collection_id
        AND week.week_start_date = (due.window_start AT TIME ZONE due.window_time_zone)::DATE
        AND week.status = 'SKIPPED'
  )
ORDER BY due.due_at, due.schedule_id, due.collection_id, due.window_start, due.window_end
LIMIT (
    SELECT GREATEST(
        0,
        COALESCE(
            (
                SELECT quotas.max_open_restatements
                FROM user_quotas AS quotas
                WHERE quotas.user_id = %(user_id)s
            ),
            %(most_open)s
        ) - COUNT(*)
    )
    FROM run_requests AS open
    WHERE open.user_id = %(user_id)s
      AND open.action = 'RESTATE'
      AND (
          open.status IN ('PENDING', 'ACCEPTED')
          OR (
              open.status = 'DONE'
              AND open.completed_at > %(now)s::TIMESTAMPTZ - INTERVAL '2 days'
              AND open.dag_run_id IS NOT NULL
              AND (
                  (
                      open.schedule_id IS NOT NULL
                      AND NOT EXISTS (
                          SELECT FROM schedule_runs AS run
                          WHERE run.schedule_id = open.schedule_id
                            AND run.dag_run_id = open.dag_run_id
                      )
                  )
                  OR (
                      open.collection_id IS NOT NULL
                      AND (
                          SELECT COALESCE(BOOL_OR(
                              attempt.status IN ('PENDING', 'RUNNING')
                              OR attempt.next_retry_at IS NOT NULL
                          ), true)
                          FROM workflow_executions AS attempt
                          WHERE attempt.dag_id = open.dag_id
                            AND attempt.dag_run_id = open.dag_run_id
                      )
                  )
              )
          )
      )
)
ON CONFLICT DO NOTHING
RETURNING schedule_id, collection_id, window_start, window_end, restate_age_days;
