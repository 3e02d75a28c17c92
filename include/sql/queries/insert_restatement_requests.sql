-- Ask for another reading of each window of a user's active schedules that is due for one.
-- Due is a window with results that has reached an age of its schedule since its last success. After
-- an outage that is the latest age alone. Ages whose request was made before are not asked for again,
-- whatever became of it.
-- A window is left where its latest version changed too little (is_restatement_stopped), and 30 days
-- after its last age. A version that a rule of the user refuses is a reading, but ends nothing, and
-- what equals it does not either: current_results does not show it. Only results of the schedule's present workflow count.
-- Nothing is asked for while the instance or its owner is off, or Amazon refuses them. The age stays
-- due.
-- Windows that have waited longest come first, as far as the user's open requests leave room. A
-- request is DONE once Airflow has its run. It counts until that run has ended, for two days at most.
-- Parameters: user_id, now, most_open (where the user has no row of user_quotas).
WITH planned AS MATERIALIZED (
    SELECT
        schedule.id,
        schedule.user_id,
        schedule.workflow_id,
        plan.ages,
        plan.threshold,
        %(now)s::TIMESTAMPTZ - (plan.ages[cardinality(plan.ages)] + 30) * INTERVAL '24 hours'
            AS ended_after,
        %(now)s::TIMESTAMPTZ - plan.ages[1] * INTERVAL '24 hours' AS ended_before
    FROM workflow_schedules AS schedule
    JOIN workflows AS workflow
        ON workflow.id = schedule.workflow_id AND workflow.user_id = schedule.user_id
    JOIN amc_instances AS instance
        ON instance.id = workflow.instance_id AND instance.user_id = workflow.user_id
    JOIN users AS owner ON owner.id = schedule.user_id
    CROSS JOIN LATERAL restatement_plan(schedule.parameters) AS plan
    WHERE schedule.user_id = %(user_id)s
      AND schedule.is_active
      AND instance.is_active
      AND instance.health_status IS DISTINCT FROM 'ERROR'
      AND owner.is_active
      AND owner.consent_revoked_at IS NULL
      AND schedule.parameters #> '{window,restate_days}' IS NOT NULL
),
latest AS (
    SELECT DISTINCT ON (planned.id, execution.window_start, execution.window_end)
        planned.id AS schedule_id,
        planned.user_id,
        planned.ages,
        planned.threshold,
        execution.id AS execution_id,
        execution.created_at AS version_created_at,
        execution.window_start,
        execution.window_end,
        COALESCE(execution.error_type, '') IN ('CONTRACT_BROKEN', 'CHECK_FAILED') AS is_refused,
        MAX(execution.created_at) OVER (
            PARTITION BY planned.id, execution.window_start, execution.window_end
        ) AS created_at
    FROM planned
    JOIN workflow_executions AS execution
        ON execution.schedule_id = planned.id
        AND execution.window_end > planned.ended_after
        AND execution.window_end <= planned.ended_before
        AND execution.status = 'SUCCESS'
        AND execution.window_type = 'EXPLICIT'
        AND execution.workflow_id = planned.workflow_id
        AND execution.user_id = planned.user_id
    ORDER BY
        planned.id, execution.window_start, execution.window_end, is_refused,
        execution.completed_at DESC NULLS LAST, execution.id DESC
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
    user_id, action, schedule_id, window_start, window_end, restate_age_days
)
SELECT due.user_id, 'RESTATE', due.schedule_id, due.window_start, due.window_end, due.age
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
      WHERE earlier.schedule_id = due.schedule_id
        AND earlier.window_start = due.window_start
        AND earlier.window_end = due.window_end
        AND earlier.restate_age_days = due.age
        AND earlier.user_id = %(user_id)s
        AND earlier.action = 'RESTATE'
  )
ORDER BY due.due_at, due.schedule_id, due.window_start, due.window_end
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
              AND open.schedule_id IS NOT NULL
              AND open.dag_run_id IS NOT NULL
              AND NOT EXISTS (
                  SELECT FROM schedule_runs AS run
                  WHERE run.schedule_id = open.schedule_id AND run.dag_run_id = open.dag_run_id
              )
          )
      )
)
ON CONFLICT DO NOTHING
RETURNING schedule_id, window_start, window_end, restate_age_days;
