-- Contracts and alarms on results: columns that must not change, conditions that a result must
-- meet, windows that are late, and the channels that users hear of them by.

-- An interval without months, and bounded. '1 month' has no fixed length, and months beside negative
-- days would pass a bound and lead to a time that nothing can hold.
CREATE FUNCTION public.require_duration(
    table_name TEXT, column_name TEXT, duration INTERVAL, shortest INTERVAL, longest INTERVAL
)
RETURNS VOID
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXTRACT(YEAR FROM duration) <> 0
        OR EXTRACT(MONTH FROM duration) <> 0
        OR EXTRACT(DAY FROM duration) NOT BETWEEN 0 AND EXTRACT(DAY FROM longest)
        OR duration NOT BETWEEN shortest AND longest
    THEN
        PERFORM public.raise_invalid_row(table_name, column_name, format(
            'must be from %s to %s, written in days, hours or minutes', shortest, longest
        ));
    END IF;
END;
$$;


-- Late windows ------------------------------------------------------------------------------------

-- A tick is judged once, at tick + late_after. late_tick_at is the next tick to judge: so the
-- statement of each minute reads an index and computes no tick of the past.
ALTER TABLE workflow_schedules
    ADD COLUMN late_after INTERVAL,
    ADD COLUMN late_tick_at TIMESTAMPTZ,
    ADD CONSTRAINT chk_workflow_schedules_late_after_range CHECK (
        late_after BETWEEN INTERVAL '5 minutes' AND INTERVAL '30 days'
        AND EXTRACT(YEAR FROM late_after) = 0
        AND EXTRACT(MONTH FROM late_after) = 0
        AND EXTRACT(DAY FROM late_after) BETWEEN 0 AND 30
    ),
    ADD CONSTRAINT chk_workflow_schedules_late_tick_at_time CHECK (
        (late_tick_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    );

COMMENT ON COLUMN workflow_schedules.late_after IS
    'Time after a tick by which its window must be loaded, from 5 minutes to 30 days. NULL: nobody '
    'is notified of late windows. Added by the pipeline. Written by: user.';
COMMENT ON COLUMN workflow_schedules.late_tick_at IS
    'Next tick whose window is judged, at late_after past it. NULL where none is. Added by the '
    'pipeline. Written by: set_late_tick_at(); record_late_windows().';

CREATE INDEX idx_workflow_schedules_late
    ON workflow_schedules (late_tick_at)
    WHERE late_tick_at IS NOT NULL;

-- The trigger's name sorts after trigger_set_next_run_at, which refuses a wrong expression.
CREATE FUNCTION public.set_late_tick_at()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.late_after IS NOT NULL THEN
        PERFORM public.require_duration(
            'workflow_schedules', 'late_after', NEW.late_after, '5 minutes', '30 days'
        );
    END IF;
    IF NEW.late_after IS NULL OR NOT COALESCE(NEW.is_active, true) THEN
        NEW.late_tick_at := NULL;
    ELSIF TG_OP = 'INSERT' OR NEW.late_tick_at IS NULL OR
        (NEW.cron_expression, NEW.timezone) IS DISTINCT FROM (OLD.cron_expression, OLD.timezone)
    THEN
        NEW.late_tick_at := public.cron_next(
            NEW.cron_expression,
            NEW.timezone,
            CASE TG_OP WHEN 'INSERT' THEN COALESCE(NEW.created_at, NOW()) ELSE NOW() END
        );
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER trigger_watch_late_windows
    BEFORE INSERT OR UPDATE OF late_after, cron_expression, timezone, is_active
    ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION set_late_tick_at();

-- The end of the window of a tick, as recomamp.domain.scheduling.windows computes it.
CREATE FUNCTION public.schedule_window_end(
    cron_expression TEXT, time_zone TEXT, parameters JSONB, tick TIMESTAMPTZ
)
RETURNS TIMESTAMPTZ
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lag_days CONSTANT INTEGER := CASE
        WHEN jsonb_typeof(parameters #> '{window,lag_days}') = 'number'
            THEN (parameters #>> '{window,lag_days}')::NUMERIC::INTEGER
        ELSE 2
    END;
BEGIN
    RETURN public.days_before(
        tick, lag_days, time_zone, (public.cron_parse(cron_expression)).once_a_day
    );
END;
$$;

-- A long outage leaves many windows to look at in each round. 0019 has the index by window_end.
CREATE INDEX idx_workflow_executions_schedule_ticks
    ON workflow_executions (schedule_id, due_at)
    WHERE status = 'SUCCESS';
CREATE INDEX idx_schedule_runs_windows
    ON schedule_runs (schedule_id, window_end);

-- True where the window of a tick has results: those of its own run, or of a manual run over the
-- same days since. A backfill of an older window has an older tick and another end.
CREATE FUNCTION public.is_window_loaded(
    loaded_schedule_id UUID, tick TIMESTAMPTZ, tick_window_end TIMESTAMPTZ
)
RETURNS BOOLEAN
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM public.workflow_executions AS execution
        WHERE execution.schedule_id = loaded_schedule_id
            AND execution.status = 'SUCCESS'
            AND execution.due_at = tick
    ) OR EXISTS (
        SELECT FROM public.workflow_executions AS execution
        WHERE execution.schedule_id = loaded_schedule_id
            AND execution.status = 'SUCCESS'
            AND execution.window_end = tick_window_end
            AND execution.created_at >= tick
    ) OR EXISTS (
        SELECT FROM public.schedule_runs AS run
        WHERE run.schedule_id = loaded_schedule_id
            AND run.status = 'SUCCESS'
            AND run.window_end = tick_window_end
            AND run.created_at >= tick
    );
$$;

-- Judge the windows that are due for it: one event for each that has no results. The follower calls
-- it every minute, and recomamp_notifications too, so that it runs while either of them stands still.
-- A row whose tick cannot be computed is put off and returned; it delays no other. After an outage
-- windows of the last day are judged: older events are not sent anyway. A call judges 500 windows.
-- The first of each user come first, so that nobody's many windows delay those of others.
-- A user may keep rows locked in an open transaction. No lock is waited for: what is locked is
-- judged in a later round. An event locks its user and the user's channels, and so does this.
CREATE FUNCTION public.record_late_windows()
RETURNS TABLE (late_schedule_id UUID, late_due_at TIMESTAMPTZ, problem TEXT)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    judged RECORD;
    stale RECORD;
    window_end TIMESTAMPTZ;
    locked_users UUID[] := '{}'; -- so that each makes this wait once
BEGIN
    FOR judged IN
        SELECT
            schedule.id,
            schedule.user_id,
            schedule.name,
            schedule.cron_expression,
            schedule.timezone,
            schedule.parameters,
            schedule.late_after,
            schedule.late_tick_at AS tick,
            schedule.last_run_status,
            workflow.name AS workflow,
            instance.is_active AND owner.is_active AS runs
        FROM (
            SELECT
                id,
                row_number() OVER (PARTITION BY user_id ORDER BY late_tick_at) AS place
            FROM public.workflow_schedules
            WHERE late_tick_at <= NOW() - INTERVAL '5 minutes'
                AND late_tick_at + late_after <= NOW()
        ) AS due
        JOIN public.workflow_schedules AS schedule ON schedule.id = due.id
        JOIN public.workflows AS workflow ON workflow.id = schedule.workflow_id
        JOIN public.amc_instances AS instance ON instance.id = workflow.instance_id
        JOIN public.users AS owner ON owner.id = schedule.user_id
        WHERE schedule.late_tick_at <= NOW() - INTERVAL '5 minutes'
            AND schedule.late_tick_at + schedule.late_after <= NOW()
        ORDER BY due.place, schedule.late_tick_at
        LIMIT 500
        FOR NO KEY UPDATE OF schedule SKIP LOCKED
        FOR KEY SHARE OF owner SKIP LOCKED
    LOOP
        CONTINUE WHEN judged.user_id = ANY (locked_users);
        BEGIN
            PERFORM FROM public.notification_channels
            WHERE user_id = judged.user_id
            FOR KEY SHARE NOWAIT;
            window_end := public.schedule_window_end(
                judged.cron_expression, judged.timezone, judged.parameters, judged.tick
            );
            IF judged.runs AND NOT public.is_window_loaded(judged.id, judged.tick, window_end) THEN
                PERFORM public.queue_notification(
                    judged.user_id,
                    'WINDOW_LATE',
                    format('window_late:%s:%s', judged.id, extract(epoch FROM judged.tick)),
                    NOW(),
                    jsonb_build_object(
                        'name', judged.name,
                        'workflow', judged.workflow,
                        'time_zone', judged.timezone,
                        'schedule_id', judged.id,
                        'due_at', judged.tick,
                        'window_end', window_end,
                        'late_after_minutes', floor(extract(epoch FROM judged.late_after) / 60)
                    )
                );
                late_schedule_id := judged.id;
                late_due_at := judged.tick;
                problem := NULL;
                RETURN NEXT;
            END IF;
            UPDATE public.workflow_schedules
            SET late_tick_at = public.cron_next(
                judged.cron_expression,
                judged.timezone,
                GREATEST(judged.tick, NOW() - judged.late_after - INTERVAL '1 day')
            )
            WHERE id = judged.id;
        EXCEPTION WHEN lock_not_available THEN
            locked_users := locked_users || judged.user_id;
        WHEN OTHERS THEN
            late_schedule_id := judged.id;
            late_due_at := judged.tick;
            problem := left(SQLERRM, 500);
            UPDATE public.workflow_schedules SET late_tick_at = NOW() WHERE id = judged.id;
            RETURN NEXT;
        END;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION record_late_windows() IS
    'Judges the windows whose time is over, and queues an event for each without results. Returns '
    'those, and the schedules that cannot be judged with the problem. recomamp_pipeline calls it.';

-- Withdraw events of windows that have results by now: those of a manual run over the same days, or
-- that came between the look at them and the event. It is called after record_late_windows(), in a
-- transaction of its own, so that its errors undo no verdict.
-- A call looks at 500 events. Chance picks among them, so that each is looked at by and by.
CREATE FUNCTION public.withdraw_loaded_windows()
RETURNS TABLE (event_id UUID, problem TEXT)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    event RECORD;
    locked_users UUID[] := '{}';
BEGIN
    FOR event IN
        SELECT chosen.id, queued.user_id, queued.event_key, queued.details
        FROM (
            SELECT
                open.id,
                row_number() OVER (PARTITION BY open.user_id ORDER BY random()) AS place
            FROM public.notifications AS open
            WHERE open.kind = 'WINDOW_LATE'
                AND open.created_at > NOW() - INTERVAL '1 day'
                AND (
                    open.status IN ('PENDING', 'CLAIMED')
                    OR (
                        open.status = 'UNSUBSCRIBED' AND EXISTS (
                            SELECT FROM public.channel_deliveries AS delivery
                            WHERE delivery.notification_id = open.id
                                AND delivery.status IN ('PENDING', 'CLAIMED')
                        )
                    )
                )
            ORDER BY place, random()
            LIMIT 500
        ) AS chosen
        JOIN public.notifications AS queued ON queued.id = chosen.id
    LOOP
        CONTINUE WHEN event.user_id = ANY (locked_users);
        BEGIN
            IF public.is_window_loaded(
                (event.details ->> 'schedule_id')::UUID,
                (event.details ->> 'due_at')::TIMESTAMPTZ,
                (event.details ->> 'window_end')::TIMESTAMPTZ
            ) THEN
                PERFORM FROM public.notifications
                WHERE id = event.id
                FOR NO KEY UPDATE NOWAIT;
                PERFORM FROM public.channel_deliveries
                WHERE notification_id = event.id
                FOR UPDATE NOWAIT;
                PERFORM public.withdraw_notifications(event.user_id, event.event_key);
            END IF;
        EXCEPTION WHEN lock_not_available THEN
            locked_users := locked_users || event.user_id;
        WHEN data_exception THEN
            event_id := event.id;
            problem := left('notifications.details: ' || SQLERRM, 500);
            RETURN NEXT;
        END;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION withdraw_loaded_windows() IS
    'Withdraws events of late windows that have results by now, and returns those that cannot be '
    'judged with the problem. recomamp_pipeline calls it.';

-- Results that come before the mail is sent make the event untrue. Those of a manual run over the same
-- days are seen by the next round of withdraw_loaded_windows().
CREATE FUNCTION public.withdraw_late_window()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.withdraw_notifications(
        NEW.user_id, format('window_late:%s:%s', NEW.schedule_id, extract(epoch FROM NEW.due_at))
    );
    RETURN NULL;
END;
$$;
CREATE TRIGGER trigger_withdraw_late_window
    AFTER UPDATE OF status ON workflow_executions
    FOR EACH ROW
    WHEN (
        NEW.status = 'SUCCESS' AND OLD.status IS DISTINCT FROM 'SUCCESS'
        AND NEW.schedule_id IS NOT NULL AND NEW.due_at IS NOT NULL
    )
    EXECUTE FUNCTION withdraw_late_window();


-- Contracts of columns ----------------------------------------------------------------------------

ALTER TABLE workflows
    ADD COLUMN result_contract TEXT NOT NULL DEFAULT 'EVOLVE',
    ADD COLUMN result_contract_accepted_at TIMESTAMPTZ,
    ADD CONSTRAINT chk_workflow_result_contract
        CHECK (result_contract IN ('EVOLVE', 'REPORT', 'FREEZE')),
    ADD CONSTRAINT chk_workflows_result_contract_accepted_at_time CHECK (
        (result_contract_accepted_at AT TIME ZONE 'UTC')
            BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    );
ALTER TABLE workflow_schedules
    ADD COLUMN result_contract TEXT,
    ADD CONSTRAINT chk_schedule_result_contract
        CHECK (result_contract IN ('EVOLVE', 'REPORT', 'FREEZE'));
ALTER TABLE workflow_executions ADD COLUMN column_changes TEXT;

COMMENT ON COLUMN workflows.result_contract IS
    'What a change of the columns of results does: EVOLVE nothing, REPORT sends a notification, '
    'FREEZE fails the run. Added by the pipeline. Written by: default; user.';
COMMENT ON COLUMN workflows.result_contract_accepted_at IS
    'Time since when results are compared: the columns of the next result are accepted whatever '
    'they are. NULL: all results are compared. Added by the pipeline. Written by: user.';
COMMENT ON COLUMN workflow_schedules.result_contract IS
    'Contract of the schedule: EVOLVE, REPORT or FREEZE. Its results are compared with its own. '
    'NULL: that of the workflow. Added by the pipeline. Written by: user.';
COMMENT ON COLUMN workflow_executions.column_changes IS
    'Columns that differ from those of the result before: added, gone, or of another type. NULL '
    'where none does. Added by the pipeline. Written by: load (mark_succeeded).';

-- One event for each result. A frozen contract fails the run, which a schedule's user hears of
-- anyway; a collection says only in the end that weeks failed.
CREATE FUNCTION public.notify_column_changes()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed RECORD;
BEGIN
    SELECT
        COALESCE(schedule.name, collection.name) AS name,
        workflow.name AS workflow,
        COALESCE(schedule.result_contract, workflow.result_contract) AS contract
    INTO changed
    FROM public.workflows AS workflow
    LEFT JOIN public.workflow_schedules AS schedule ON schedule.id = NEW.schedule_id
    LEFT JOIN public.report_data_collections AS collection ON collection.id = NEW.collection_id
    WHERE workflow.id = NEW.workflow_id;

    IF changed.contract = 'REPORT'
        OR (NEW.error_type = 'CONTRACT_BROKEN' AND NEW.schedule_id IS NULL)
    THEN
        PERFORM public.queue_notification(
            NEW.user_id,
            'CONTRACT_CHANGED',
            'contract:' || NEW.id,
            NOW(),
            jsonb_build_object(
                'name', changed.name,
                'workflow', changed.workflow,
                'time_zone', NEW.window_time_zone,
                'execution_id', NEW.id,
                'dag_run_id', NEW.dag_run_id,
                'window_start', NEW.window_start,
                'window_end', NEW.window_end,
                'error', left(NEW.column_changes, 2000)
            )
        );
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER trigger_notify_column_changes
    AFTER UPDATE OF column_changes ON workflow_executions
    FOR EACH ROW
    WHEN (NEW.column_changes IS NOT NULL AND NEW.column_changes IS DISTINCT FROM OLD.column_changes)
    EXECUTE FUNCTION notify_column_changes();


-- Conditions on results ---------------------------------------------------------------------------

-- A row says what must be true of a good result: measure comparison threshold. With another result
-- to compare with, the change in percent takes the place of the measure.
CREATE TABLE result_checks (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    workflow_id UUID,
    schedule_id UUID,
    name TEXT NOT NULL,
    measure TEXT NOT NULL,
    column_name TEXT,
    key_columns TEXT[],
    comparison TEXT NOT NULL,
    threshold NUMERIC NOT NULL,
    compared_with TEXT NOT NULL DEFAULT 'CONSTANT',
    severity TEXT NOT NULL DEFAULT 'NOTIFY',
    rearm_after INTERVAL NOT NULL DEFAULT INTERVAL '1 day',
    is_active BOOLEAN NOT NULL DEFAULT true,
    notified_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    CONSTRAINT fk_result_check_user_workflow
        FOREIGN KEY (workflow_id, user_id) REFERENCES workflows (id, user_id)
        ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT fk_result_check_user_schedule
        FOREIGN KEY (schedule_id, user_id) REFERENCES workflow_schedules (id, user_id)
        ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT chk_result_check_place CHECK (num_nonnulls(workflow_id, schedule_id) = 1),
    CONSTRAINT chk_result_checks_name_length CHECK (char_length(name) <= 200),
    CONSTRAINT chk_result_check_measure CHECK (
        measure IN ('ROWS', 'SUM', 'MIN', 'MAX', 'AVG', 'NULLS', 'DUPLICATES')
    ),
    CONSTRAINT chk_result_checks_column_name_length CHECK (char_length(column_name) <= 200),
    CONSTRAINT chk_result_checks_key_columns_elements CHECK (
        COALESCE(array_ndims(key_columns), 1) = 1 AND cardinality(key_columns) BETWEEN 1 AND 20
        AND NOT to_jsonb(key_columns) @? '$[*] ? (@ like_regex "^.{201}" flag "s")'
    ),
    CONSTRAINT chk_result_check_columns CHECK (
        CASE measure
            WHEN 'ROWS' THEN column_name IS NULL AND key_columns IS NULL
            WHEN 'DUPLICATES' THEN column_name IS NULL AND key_columns IS NOT NULL
            ELSE column_name IS NOT NULL AND key_columns IS NULL
        END
    ),
    CONSTRAINT chk_result_check_comparison
        CHECK (comparison IN ('<', '<=', '>', '>=', '=', '<>', 'WITHIN')),
    CONSTRAINT chk_result_checks_threshold_range CHECK (
        threshold BETWEEN -1e30 AND 1e30 AND scale(threshold) <= 20
    ),
    CONSTRAINT chk_result_check_compared_with
        CHECK (compared_with IN ('CONSTANT', 'PREVIOUS_WINDOW', 'SAME_WEEKDAY')),
    CONSTRAINT chk_result_check_within CHECK (
        comparison <> 'WITHIN' OR (compared_with <> 'CONSTANT' AND threshold >= 0)
    ),
    CONSTRAINT chk_result_check_severity CHECK (severity IN ('NOTIFY', 'FAIL')),
    CONSTRAINT chk_result_checks_rearm_after_range CHECK (
        rearm_after BETWEEN INTERVAL '0' AND INTERVAL '90 days'
        AND EXTRACT(YEAR FROM rearm_after) = 0
        AND EXTRACT(MONTH FROM rearm_after) = 0
        AND EXTRACT(DAY FROM rearm_after) BETWEEN 0 AND 90
    ),
    CONSTRAINT chk_result_checks_notified_at_time CHECK (
        (notified_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    ),
    CONSTRAINT chk_result_checks_created_at_time CHECK (
        (created_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    )
);

COMMENT ON TABLE result_checks IS
    'A condition that each result of a workflow or of a schedule must meet. The user inserts the '
    'rows. Table of the pipeline.';
COMMENT ON COLUMN result_checks.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN result_checks.user_id IS
    'User that the condition belongs to. It follows a workflow that changes hands. Written by: user.';
COMMENT ON COLUMN result_checks.workflow_id IS
    'Workflow whose results are checked. NULL where it is a schedule. Written by: user.';
COMMENT ON COLUMN result_checks.schedule_id IS
    'Schedule whose results are checked. NULL where it is a workflow. Written by: user.';
COMMENT ON COLUMN result_checks.name IS 'Name for display and mails. Written by: user.';
COMMENT ON COLUMN result_checks.measure IS
    'What is measured over all rows: ROWS, SUM, MIN, MAX, AVG, NULLS or DUPLICATES. Written by: '
    'user.';
COMMENT ON COLUMN result_checks.column_name IS
    'Column that is measured. NULL for ROWS and DUPLICATES. Written by: user.';
COMMENT ON COLUMN result_checks.key_columns IS
    'Columns whose values together must differ in each row. DUPLICATES counts the rows that repeat '
    'an earlier one. Written by: user.';
COMMENT ON COLUMN result_checks.comparison IS
    'How the measure compares with threshold in a good result. WITHIN: the change is at most so '
    'many percent, up or down. Written by: user.';
COMMENT ON COLUMN result_checks.threshold IS
    'Number to compare with. In percent of change, unless compared_with is CONSTANT. Written by: '
    'user.';
COMMENT ON COLUMN result_checks.compared_with IS
    'CONSTANT: the measure itself. PREVIOUS_WINDOW and SAME_WEEKDAY: its change in percent against '
    'that window, or the one a week before. Written by: default; user.';
COMMENT ON COLUMN result_checks.severity IS
    'NOTIFY: a failure is sent as a notification. FAIL: it also fails the run. Written by: default; '
    'user.';
COMMENT ON COLUMN result_checks.rearm_after IS
    'Time after which a condition that stays failed is sent again, at most 90 days. Written by: '
    'default; user.';
COMMENT ON COLUMN result_checks.is_active IS
    'False: the condition is not evaluated. Written by: default; user.';
COMMENT ON COLUMN result_checks.notified_at IS
    'Time of the last notification. NULL after the latest window meets the condition. Written by: '
    'notify_check_outcome().';
COMMENT ON COLUMN result_checks.created_at IS 'Time of insertion. Written by: default.';

CREATE INDEX idx_result_checks_user_id ON result_checks (user_id);
CREATE INDEX idx_result_checks_workflow_id
    ON result_checks (workflow_id, user_id) WHERE workflow_id IS NOT NULL;
CREATE INDEX idx_result_checks_schedule_id
    ON result_checks (schedule_id, user_id) WHERE schedule_id IS NOT NULL;
ALTER TABLE result_checks ENABLE ROW LEVEL SECURITY;

-- The messages of what the constraints would refuse by their names alone.
CREATE FUNCTION public.check_result_check()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF num_nonnulls(NEW.workflow_id, NEW.schedule_id) <> 1 THEN
        PERFORM public.raise_invalid_row(
            'result_checks', 'workflow_id', 'name either a workflow or a schedule'
        );
    END IF;
    IF NEW.measure IN ('SUM', 'MIN', 'MAX', 'AVG', 'NULLS') AND NEW.column_name IS NULL THEN
        PERFORM public.raise_invalid_row(
            'result_checks', 'column_name', NEW.measure || ' needs the name of a column'
        );
    ELSIF NEW.measure = 'DUPLICATES' AND NEW.key_columns IS NULL THEN
        PERFORM public.raise_invalid_row(
            'result_checks', 'key_columns', 'DUPLICATES needs the columns that identify a row'
        );
    ELSIF NEW.comparison = 'WITHIN' AND (NEW.compared_with = 'CONSTANT' OR NEW.threshold < 0) THEN
        PERFORM public.raise_invalid_row('result_checks', 'comparison',
            'WITHIN needs a threshold of 0 or more, and compared_with PREVIOUS_WINDOW or'
            ' SAME_WEEKDAY'
        );
    END IF;
    PERFORM public.require_duration(
        'result_checks', 'rearm_after', NEW.rearm_after, '0', '90 days'
    );
    RETURN NEW;
END;
$$;
-- The function runs with the rights of the writing user, as check_run_request: a row that row level
-- security hides is not there. The trigger's name sorts before the other.
CREATE FUNCTION public.check_owner_of_result_check()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wrong TEXT;
    problem TEXT;
BEGIN
    IF NEW.workflow_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.workflows WHERE id = NEW.workflow_id AND user_id = NEW.user_id
    ) THEN
        wrong := 'workflow_id';
        problem := format('user %s has no workflow %s', NEW.user_id, NEW.workflow_id);
    ELSIF NEW.schedule_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.workflow_schedules
        WHERE id = NEW.schedule_id AND user_id = NEW.user_id
    ) THEN
        wrong := 'schedule_id';
        problem := format('user %s has no schedule %s', NEW.user_id, NEW.schedule_id);
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'result_checks.%: %', wrong, problem
            USING ERRCODE = 'check_violation', TABLE = 'result_checks', COLUMN = wrong;
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER trigger_check_owner_of_result_check
    BEFORE INSERT OR UPDATE OF workflow_id, schedule_id, user_id
    ON result_checks
    FOR EACH ROW
    EXECUTE FUNCTION check_owner_of_result_check();

CREATE TRIGGER trigger_check_result_check
    BEFORE INSERT OR UPDATE OF
        workflow_id, schedule_id, measure, column_name, key_columns, comparison, threshold,
        compared_with, rearm_after
    ON result_checks
    FOR EACH ROW
    EXECUTE FUNCTION check_result_check();

CREATE TABLE result_check_outcomes (
    execution_id UUID NOT NULL REFERENCES workflow_executions(id) ON DELETE CASCADE,
    check_id UUID NOT NULL REFERENCES result_checks(id) ON DELETE CASCADE,
    measured TEXT NOT NULL,
    value NUMERIC,
    reference_value NUMERIC,
    passed BOOLEAN,
    note TEXT NOT NULL,
    evaluated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_result_check_outcomes PRIMARY KEY (execution_id, check_id),
    CONSTRAINT chk_result_check_outcomes_evaluated_at_time CHECK (
        (evaluated_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    )
);

COMMENT ON TABLE result_check_outcomes IS
    'What a condition came to for one result. The pipeline inserts the rows and deletes them after '
    '90 days. Table of the pipeline.';
COMMENT ON COLUMN result_check_outcomes.execution_id IS
    'Execution whose result was measured. Written by: load (insert_check_outcome).';
COMMENT ON COLUMN result_check_outcomes.check_id IS
    'Condition that was evaluated. Written by: load (insert_check_outcome).';
COMMENT ON COLUMN result_check_outcomes.measured IS
    'Measure with its columns, such as SUM(clicks). Written by: load (insert_check_outcome).';
COMMENT ON COLUMN result_check_outcomes.value IS
    'Value of the measure. NULL where there was none. Written by: load (insert_check_outcome).';
COMMENT ON COLUMN result_check_outcomes.reference_value IS
    'Value of the same measure in the result that was compared with. NULL where there was none. '
    'Written by: load (insert_check_outcome).';
COMMENT ON COLUMN result_check_outcomes.passed IS
    'Whether the condition is met. NULL where it could not be evaluated: note says why. Written by: '
    'load (insert_check_outcome).';
COMMENT ON COLUMN result_check_outcomes.note IS
    'Outcome in words. Written by: load (insert_check_outcome).';
COMMENT ON COLUMN result_check_outcomes.evaluated_at IS
    'Time of the evaluation. Written by: load (insert_check_outcome).';

CREATE INDEX idx_result_check_outcomes_check_id ON result_check_outcomes (check_id, evaluated_at);
CREATE INDEX idx_result_check_outcomes_evaluated_at -- old ones are deleted
    ON result_check_outcomes (evaluated_at);
ALTER TABLE result_check_outcomes ENABLE ROW LEVEL SECURITY;

-- One event for each failed evaluation, and of a condition that stays failed one in each
-- rearm_after, until the latest window meets it. A window of the past says nothing about that. A failed
-- run of a schedule is an event of its own, which names the condition.
CREATE FUNCTION public.notify_check_outcome()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    evaluated RECORD;
BEGIN
    IF NEW.passed IS NULL OR (TG_OP = 'UPDATE' AND NEW.passed IS NOT DISTINCT FROM OLD.passed) THEN
        RETURN NULL;
    END IF;
    SELECT
        checked.user_id,
        checked.name AS check_name,
        checked.severity,
        COALESCE(schedule.name, collection.name) AS name,
        workflow.name AS workflow,
        execution.schedule_id,
        execution.dag_run_id,
        execution.window_start,
        execution.window_end,
        execution.window_time_zone,
        execution.workflow_id,
        execution.collection_id
    INTO evaluated
    FROM public.result_checks AS checked
    JOIN public.workflow_executions AS execution
        ON execution.id = NEW.execution_id AND execution.user_id = checked.user_id
    JOIN public.workflows AS workflow ON workflow.id = execution.workflow_id
    LEFT JOIN public.workflow_schedules AS schedule ON schedule.id = execution.schedule_id
    LEFT JOIN public.report_data_collections AS collection
        ON collection.id = execution.collection_id
    WHERE checked.id = NEW.check_id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    IF NEW.passed THEN
        UPDATE public.result_checks SET notified_at = NULL
        WHERE id = NEW.check_id
            AND notified_at IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM public.workflow_executions AS later
                WHERE later.workflow_id = evaluated.workflow_id
                    AND later.schedule_id IS NOT DISTINCT FROM evaluated.schedule_id
                    AND later.collection_id IS NOT DISTINCT FROM evaluated.collection_id
                    AND later.status = 'SUCCESS'
                    AND later.window_start > evaluated.window_start
            );
        PERFORM public.withdraw_notifications(
            evaluated.user_id, format('result_check:%s:%s', NEW.check_id, NEW.execution_id)
        );
        RETURN NULL;
    END IF;
    IF evaluated.severity = 'FAIL' AND evaluated.schedule_id IS NOT NULL THEN
        RETURN NULL;
    END IF;
    UPDATE public.result_checks SET notified_at = NOW()
    WHERE id = NEW.check_id AND (notified_at IS NULL OR notified_at + rearm_after <= NOW());
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        evaluated.user_id,
        'RESULT_CHECK_FAILED',
        format('result_check:%s:%s', NEW.check_id, NEW.execution_id),
        NOW(),
        jsonb_build_object(
            'name', evaluated.name,
            'workflow', evaluated.workflow,
            'check', evaluated.check_name,
            'time_zone', evaluated.window_time_zone,
            'execution_id', NEW.execution_id,
            'check_id', NEW.check_id,
            'dag_run_id', evaluated.dag_run_id,
            'window_start', evaluated.window_start,
            'window_end', evaluated.window_end,
            'error', left(NEW.note, 2000)
        )
    );
    RETURN NULL;
END;
$$;
CREATE TRIGGER trigger_notify_check_outcome
    AFTER INSERT OR UPDATE OF passed ON result_check_outcomes
    FOR EACH ROW
    EXECUTE FUNCTION notify_check_outcome();


-- Results that are there --------------------------------------------------------------------------

ALTER TABLE workflow_schedules
    ADD COLUMN notify_on_success BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN attach_results BOOLEAN NOT NULL DEFAULT false;
COMMENT ON COLUMN workflow_schedules.notify_on_success IS
    'True: each run with results is sent as a notification. Added by the pipeline. Written by: '
    'default; user.';
COMMENT ON COLUMN workflow_schedules.attach_results IS
    'True: the mail of notify_on_success has the first 100 rows as CSV. Added by the pipeline. '
    'Written by: default; user.';

CREATE FUNCTION public.notify_results_loaded()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    loaded RECORD;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    SELECT
        schedule.user_id,
        schedule.name,
        schedule.timezone,
        schedule.attach_results,
        workflow.name AS workflow,
        execution.result_rows
    INTO loaded
    FROM public.workflow_schedules AS schedule
    JOIN public.workflows AS workflow ON workflow.id = schedule.workflow_id
    LEFT JOIN public.workflow_executions AS execution ON execution.id = NEW.execution_id
    WHERE schedule.id = NEW.schedule_id AND schedule.notify_on_success;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF NEW.status <> 'SUCCESS' THEN
        PERFORM public.withdraw_notifications(loaded.user_id, 'results_loaded:' || NEW.id);
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        loaded.user_id,
        'RESULTS_LOADED',
        'results_loaded:' || NEW.id,
        NOW(),
        jsonb_build_object(
            'name', loaded.name,
            'workflow', loaded.workflow,
            'time_zone', loaded.timezone,
            'schedule_id', NEW.schedule_id,
            'execution_id', NEW.execution_id,
            'dag_run_id', NEW.dag_run_id,
            'window_start', NEW.window_start,
            'window_end', NEW.window_end,
            'rows', loaded.result_rows,
            'attach_results', NULLIF(loaded.attach_results, false)
        )
    );
    RETURN NULL;
END;
$$;
CREATE TRIGGER trigger_notify_results_loaded
    AFTER INSERT OR UPDATE OF status ON schedule_runs
    FOR EACH ROW
    EXECUTE FUNCTION notify_results_loaded();


-- Kinds of events ---------------------------------------------------------------------------------

ALTER TABLE notifications
    DROP CONSTRAINT chk_notification_kind,
    ADD CONSTRAINT chk_notification_kind CHECK (kind IN (
        'SCHEDULE_RUN_FAILED', 'COLLECTION_COMPLETED', 'COLLECTION_FAILED', 'CONSENT_REVOKED',
        'RESULT_CHECK_FAILED', 'CONTRACT_CHANGED', 'WINDOW_LATE', 'RESULTS_LOADED'
    ));
COMMENT ON TABLE notifications IS
    'A mail to a user about an event. Triggers and record_late_windows() insert the rows; '
    'recomamp_notifications sends them. Table of the pipeline.';
COMMENT ON COLUMN notifications.kind IS
    'SCHEDULE_RUN_FAILED, COLLECTION_COMPLETED, COLLECTION_FAILED, CONSENT_REVOKED, '
    'RESULT_CHECK_FAILED, CONTRACT_CHANGED, WINDOW_LATE or RESULTS_LOADED. Written by: '
    'queue_notification().';
COMMENT ON COLUMN notifications.status IS
    'PENDING, CLAIMED, SENDING, SENT, FAILED, IN_DOUBT, WITHDRAWN, UNSUBSCRIBED or EXPIRED. '
    'Written by: default; queue_notification(); withdraw_notifications(); recomamp_notifications '
    '(claim_notifications, start_sending_notifications, end_sending_notifications, '
    'release_notifications, expire_notifications).';


-- Channels ----------------------------------------------------------------------------------------

-- Without a row, a user gets mails at users.email. EMAIL bounds those mails; the other kinds are
-- addresses that get the events too. People write url and secret and cannot read them back: a right
-- to read one's own rows also reads those of a stolen session.
CREATE TABLE notification_channels (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    url TEXT,
    secret TEXT,
    url_host TEXT,
    is_active BOOLEAN NOT NULL DEFAULT true,
    kinds TEXT[],
    quiet_from TIME,
    quiet_until TIME,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    CONSTRAINT chk_notification_channel_kind CHECK (kind IN ('EMAIL', 'WEBHOOK', 'SLACK')),
    -- No user, no password, no character that a header could take for its end
    CONSTRAINT chk_notification_channels_url_form CHECK (
        char_length(url) <= 2000 AND url ~ '^https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/[!-~]*$'
    ),
    CONSTRAINT chk_notification_channels_secret_length CHECK (
        char_length(secret) BETWEEN 16 AND 200
    ),
    CONSTRAINT chk_notification_channel_address CHECK (
        CASE kind
            WHEN 'EMAIL' THEN url IS NULL AND secret IS NULL
            WHEN 'SLACK' THEN url IS NOT NULL AND secret IS NULL
            ELSE url IS NOT NULL AND secret IS NOT NULL
        END
    ),
    CONSTRAINT chk_notification_channels_kinds_elements CHECK (
        COALESCE(array_ndims(kinds), 1) = 1
        AND kinds <@ ARRAY[
            'SCHEDULE_RUN_FAILED', 'COLLECTION_COMPLETED', 'COLLECTION_FAILED', 'CONSENT_REVOKED',
            'RESULT_CHECK_FAILED', 'CONTRACT_CHANGED', 'WINDOW_LATE', 'RESULTS_LOADED'
        ]
        AND cardinality(kinds) <= 8
    ),
    -- An event waits less than the day after which it is not sent any more
    CONSTRAINT chk_notification_channel_quiet_time CHECK (
        num_nonnulls(quiet_from, quiet_until) <> 1
        AND quiet_from <> quiet_until
        AND quiet_until - quiet_from
            + CASE WHEN quiet_until < quiet_from THEN INTERVAL '24 hours' ELSE INTERVAL '0' END
            <= INTERVAL '16 hours'
    ),
    CONSTRAINT chk_notification_channels_created_at_time CHECK (
        (created_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    )
);

COMMENT ON TABLE notification_channels IS
    'A way by which a user hears of events. The user inserts the rows. Table of the pipeline.';
COMMENT ON COLUMN notification_channels.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN notification_channels.user_id IS
    'User whose events are sent. Written by: user.';
COMMENT ON COLUMN notification_channels.kind IS
    'EMAIL: the mails to users.email, which the row bounds. WEBHOOK: a signed POST of JSON. SLACK: '
    'a POST of {"text": …}. Written by: user.';
COMMENT ON COLUMN notification_channels.url IS
    'Address of a WEBHOOK or SLACK, with https. People cannot read it. Written by: user.';
COMMENT ON COLUMN notification_channels.secret IS
    'Key of the signature of a WEBHOOK, from 16 to 200 characters. People cannot read it. Written '
    'by: user.';
COMMENT ON COLUMN notification_channels.url_host IS
    'Host of url, for display. Written by: check_notification_channel().';
COMMENT ON COLUMN notification_channels.is_active IS
    'False: nothing is sent by this channel. Written by: default; user.';
COMMENT ON COLUMN notification_channels.kinds IS
    'Kinds of events that are sent, as in notifications.kind. NULL: all. Written by: user.';
COMMENT ON COLUMN notification_channels.quiet_from IS
    'Start of the quiet time in users.timezone. Events wait until its end. Written by: user.';
COMMENT ON COLUMN notification_channels.quiet_until IS
    'End of the quiet time, at most 16 hours after its start. Written by: user.';
COMMENT ON COLUMN notification_channels.created_at IS 'Time of insertion. Written by: default.';

CREATE INDEX idx_notification_channels_user_id ON notification_channels (user_id);
CREATE UNIQUE INDEX uq_notification_channels_email
    ON notification_channels (user_id) WHERE kind = 'EMAIL';
ALTER TABLE notification_channels ENABLE ROW LEVEL SECURITY;

-- The messages name no part of the address: it holds a secret.
CREATE FUNCTION public.check_notification_channel()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.kind = 'EMAIL' AND num_nonnulls(NEW.url, NEW.secret) > 0 THEN
        PERFORM public.raise_invalid_row('notification_channels', 'url',
            'mails go to users.email; leave url and secret empty'
        );
    ELSIF NEW.kind <> 'EMAIL' AND NOT COALESCE(
        char_length(NEW.url) <= 2000
            AND NEW.url ~ '^https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/[!-~]*$',
        false
    ) THEN
        PERFORM public.raise_invalid_row('notification_channels', 'url',
            'must be an address such as https://example.com/hook, without a user name'
        );
    ELSIF NEW.kind = 'WEBHOOK'
        AND NOT COALESCE(char_length(NEW.secret) BETWEEN 16 AND 200, false)
    THEN
        PERFORM public.raise_invalid_row('notification_channels', 'secret',
            'must have from 16 to 200 characters: it signs what is sent'
        );
    ELSIF NEW.kind = 'SLACK' AND NEW.secret IS NOT NULL THEN
        PERFORM public.raise_invalid_row('notification_channels', 'secret',
            'Slack takes no signature; leave it empty'
        );
    END IF;
    NEW.url_host := lower(substring(NEW.url FROM '^https://([^/:]+)'));
    RETURN NEW;
END;
$$;
CREATE TRIGGER trigger_check_notification_channel
    BEFORE INSERT OR UPDATE OF kind, url, secret, url_host ON notification_channels
    FOR EACH ROW
    EXECUTE FUNCTION check_notification_channel();

-- True within the quiet time of a channel. A zone that nobody knows is taken for UTC.
-- is_time_zone() would read all zones for a name such as Etc/GMT+5: trigger_check_user_time_zone
-- asks it when the zone is written.
CREATE FUNCTION public.is_quiet_time(
    quiet_from TIME, quiet_until TIME, time_zone TEXT, instant TIMESTAMPTZ
)
RETURNS BOOLEAN
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    time_of_day TIME;
BEGIN
    IF quiet_from IS NULL OR quiet_until IS NULL THEN
        RETURN false;
    END IF;
    BEGIN
        time_of_day := (instant AT TIME ZONE COALESCE(time_zone, 'UTC'))::TIME;
    EXCEPTION WHEN invalid_parameter_value THEN
        time_of_day := (instant AT TIME ZONE 'UTC')::TIME;
    END;
    IF quiet_from < quiet_until THEN
        RETURN time_of_day >= quiet_from AND time_of_day < quiet_until;
    END IF;
    RETURN time_of_day >= quiet_from OR time_of_day < quiet_until;
END;
$$;
COMMENT ON FUNCTION is_quiet_time(TIME, TIME, TEXT, TIMESTAMPTZ) IS
    'Whether an instant is within a quiet time of a zone. recomamp_pipeline calls it.';

CREATE FUNCTION public.check_user_time_zone()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- An older row may have a zone that nobody knows. Its other columns may still be written.
    IF NEW.timezone IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.timezone IS DISTINCT FROM OLD.timezone)
    THEN
        PERFORM public.require_time_zone('users', 'timezone', left(NEW.timezone, 100));
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER trigger_check_user_time_zone
    BEFORE INSERT OR UPDATE OF timezone ON users
    FOR EACH ROW
    EXECUTE FUNCTION check_user_time_zone();

-- An event for one channel. It is sent at least once: the receiver knows the event by its id.
--
--   PENDING ─▶ CLAIMED ─▶ SENT
--      ▲          ├────▶ FAILED     refused for good, or tried too often
--      └──────────┘                 no answer, or one that may pass; or the sender died
--   PENDING ─▶ WITHDRAWN (no longer true) | EXPIRED (a day old, or the channel is off)
--
-- A row is FAILED from the start where 200 of its user are open.
CREATE TABLE channel_deliveries (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    notification_id UUID NOT NULL REFERENCES notifications(id) ON DELETE CASCADE,
    channel_id UUID NOT NULL REFERENCES notification_channels(id) ON DELETE CASCADE,
    status TEXT NOT NULL DEFAULT 'PENDING',
    next_try_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    attempts INTEGER NOT NULL DEFAULT 0,
    claim_id UUID,
    claimed_until TIMESTAMPTZ,
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    CONSTRAINT uq_channel_deliveries_event UNIQUE (notification_id, channel_id),
    CONSTRAINT chk_channel_delivery_status CHECK (
        status IN ('PENDING', 'CLAIMED', 'SENT', 'FAILED', 'WITHDRAWN', 'EXPIRED')
    ),
    CONSTRAINT chk_channel_deliveries_next_try_at_time CHECK (
        (next_try_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    ),
    CONSTRAINT chk_channel_deliveries_claimed_until_time CHECK (
        (claimed_until AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    ),
    CONSTRAINT chk_channel_deliveries_created_at_time CHECK (
        (created_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    )
);

COMMENT ON TABLE channel_deliveries IS
    'An event that is sent to a webhook or to Slack. queue_notification() inserts the rows; '
    'recomamp_webhooks sends them. They go with their event. Table of the pipeline.';
COMMENT ON COLUMN channel_deliveries.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN channel_deliveries.notification_id IS
    'Event that is sent. Written by: queue_notification().';
COMMENT ON COLUMN channel_deliveries.channel_id IS
    'Channel that it is sent to. Written by: queue_notification().';
COMMENT ON COLUMN channel_deliveries.status IS
    'PENDING, CLAIMED, SENT, FAILED, WITHDRAWN or EXPIRED. Written by: default; '
    'queue_notification(); withdraw_notifications(); recomamp_webhooks (claim_deliveries, '
    'end_delivery, expire_deliveries).';
COMMENT ON COLUMN channel_deliveries.next_try_at IS
    'Earliest time of the next try. Written by: default; queue_notification(); '
    'recomamp_webhooks (end_delivery).';
COMMENT ON COLUMN channel_deliveries.attempts IS
    'Number of tries. Written by: default; recomamp_webhooks (claim_deliveries).';
COMMENT ON COLUMN channel_deliveries.claim_id IS
    'Id of the sender that claimed the row. Written by: recomamp_webhooks (claim_deliveries).';
COMMENT ON COLUMN channel_deliveries.claimed_until IS
    'Time when the claim ends. Written by: recomamp_webhooks (claim_deliveries).';
COMMENT ON COLUMN channel_deliveries.last_error IS
    'Why the last try failed, without the address. Written by: queue_notification(); '
    'recomamp_webhooks (end_delivery).';
COMMENT ON COLUMN channel_deliveries.created_at IS
    'Time of insertion, or when a withdrawn event became true again. Written by: default; '
    'queue_notification().';

CREATE INDEX idx_channel_deliveries_open
    ON channel_deliveries (channel_id, created_at) WHERE status IN ('PENDING', 'CLAIMED');
CREATE INDEX idx_channel_deliveries_channel_id ON channel_deliveries (channel_id);
ALTER TABLE channel_deliveries ENABLE ROW LEVEL SECURITY;

-- Queue an event for a user: a mail where the user wants mails of its kind, and a delivery for each
-- channel. A withdrawn row becomes PENDING again where its event is true again; any other row stays
-- as it is. Without a mail the row is UNSUBSCRIBED: the deliveries need it.
-- The open deliveries of a user are bounded: each round reads them.
CREATE OR REPLACE FUNCTION public.queue_notification(
    recipient_id UUID, event_kind TEXT, event_name TEXT, event_at TIMESTAMPTZ, event_details JSONB
)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO public.notifications AS queued
        (user_id, kind, event_key, happened_at, details, status)
    SELECT
        recipient.id,
        event_kind,
        event_name,
        event_at,
        jsonb_strip_nulls(event_details),
        CASE WHEN wanted.mail THEN 'PENDING' ELSE 'UNSUBSCRIBED' END
    FROM public.users AS recipient
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(recipient.email_notifications, true)
            AND NOT COALESCE(BOOL_OR(
                channel.kind = 'EMAIL' AND NOT (
                    channel.is_active AND COALESCE(event_kind = ANY (channel.kinds), true)
                )
            ), false) AS mail,
            COALESCE(BOOL_OR(
                channel.kind <> 'EMAIL'
                AND channel.is_active
                AND COALESCE(event_kind = ANY (channel.kinds), true)
            ), false) AS delivery
        FROM public.notification_channels AS channel
        WHERE channel.user_id = recipient.id
    ) AS wanted
    WHERE recipient.id = recipient_id
        AND COALESCE(recipient.is_active, true)
        AND (wanted.mail OR wanted.delivery)
    ON CONFLICT ON CONSTRAINT uq_notifications_event DO UPDATE
    SET
        status = EXCLUDED.status,
        details = EXCLUDED.details,
        happened_at = EXCLUDED.happened_at,
        created_at = NOW(),
        next_try_at = NOW()
    WHERE queued.status = 'WITHDRAWN';

    INSERT INTO public.channel_deliveries AS queued
        (notification_id, channel_id, status, last_error)
    SELECT
        event.id,
        channel.id,
        CASE WHEN admitted.is_full THEN 'FAILED' ELSE 'PENDING' END,
        CASE WHEN admitted.is_full THEN 'not sent: 200 events to your channels are open' END
    FROM public.notifications AS event
    JOIN public.notification_channels AS channel
        ON channel.user_id = event.user_id
        AND channel.kind <> 'EMAIL'
        AND channel.is_active
        AND COALESCE(event.kind = ANY (channel.kinds), true)
    CROSS JOIN (
        SELECT COUNT(*) >= 200 AS is_full
        FROM public.channel_deliveries AS delivery
        JOIN public.notification_channels AS own ON own.id = delivery.channel_id
        WHERE own.user_id = recipient_id AND delivery.status IN ('PENDING', 'CLAIMED')
    ) AS admitted
    WHERE event.event_key = event_name AND event.user_id = recipient_id
    ON CONFLICT ON CONSTRAINT uq_channel_deliveries_event DO UPDATE
    SET
        status = EXCLUDED.status,
        last_error = EXCLUDED.last_error,
        created_at = NOW(),
        next_try_at = NOW()
    WHERE queued.status = 'WITHDRAWN';
$$;

-- Withdraw what has not been sent and is not true any more. A CLAIMED row may be withdrawn too: the
-- sender reads it again before it sends.
CREATE OR REPLACE FUNCTION public.withdraw_notifications(recipient_id UUID, key_prefix TEXT)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE public.notifications
    SET status = 'WITHDRAWN'
    WHERE user_id = recipient_id
        AND status IN ('PENDING', 'CLAIMED')
        AND starts_with(event_key, key_prefix);

    UPDATE public.channel_deliveries AS queued
    SET status = 'WITHDRAWN'
    FROM public.notifications AS event
    WHERE event.id = queued.notification_id
        AND event.user_id = recipient_id
        AND starts_with(event.event_key, key_prefix)
        AND queued.status IN ('PENDING', 'CLAIMED');
$$;


-- Quotas ------------------------------------------------------------------------------------------

ALTER TABLE user_quotas
    ADD COLUMN max_result_checks INTEGER NOT NULL DEFAULT 200,
    ADD COLUMN max_notification_channels INTEGER NOT NULL DEFAULT 10;
COMMENT ON COLUMN user_quotas.max_result_checks IS
    'Largest number of conditions on results. Written by: default; application.';
COMMENT ON COLUMN user_quotas.max_notification_channels IS
    'Largest number of notification channels. Written by: default; application.';

CREATE FUNCTION public.admit_new_result_checks()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN SELECT DISTINCT user_id FROM added ORDER BY user_id LOOP
        quotas := public.lock_user_quotas(owner);
        IF (
            SELECT COUNT(*) FROM public.result_checks WHERE user_id = owner
        ) > quotas.max_result_checks THEN
            PERFORM public.raise_quota_exceeded(
                'result_checks', 'user_id', 'max_result_checks', quotas.max_result_checks
            );
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;
CREATE TRIGGER trigger_admit_new_result_checks
    AFTER INSERT ON result_checks REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_result_checks();

CREATE FUNCTION public.admit_new_notification_channels()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner UUID;
    quotas public.user_quotas;
BEGIN
    FOR owner IN SELECT DISTINCT user_id FROM added ORDER BY user_id LOOP
        quotas := public.lock_user_quotas(owner);
        IF (
            SELECT COUNT(*) FROM public.notification_channels WHERE user_id = owner
        ) > quotas.max_notification_channels THEN
            PERFORM public.raise_quota_exceeded(
                'notification_channels', 'user_id', 'max_notification_channels', quotas.max_notification_channels
            );
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;
CREATE TRIGGER trigger_admit_new_notification_channels
    AFTER INSERT ON notification_channels REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION admit_new_notification_channels();


-- Rows that a person reaches ----------------------------------------------------------------------

CREATE POLICY result_checks_user_access ON result_checks
    FOR ALL
    USING (user_id = (SELECT public.current_user_id()))
    WITH CHECK (user_id = (SELECT public.current_user_id()));
CREATE POLICY result_check_outcomes_user_read ON result_check_outcomes
    FOR SELECT
    USING (EXISTS (
        SELECT FROM workflow_executions AS parent
        WHERE parent.id = result_check_outcomes.execution_id
            AND parent.user_id = (SELECT public.current_user_id())
    ));
CREATE POLICY result_checks_pipeline_access ON result_checks
    FOR ALL TO recomamp_pipeline USING (true) WITH CHECK (true);
CREATE POLICY result_check_outcomes_pipeline_access ON result_check_outcomes
    FOR ALL TO recomamp_pipeline USING (true) WITH CHECK (true);
CREATE POLICY notification_channels_user_access ON notification_channels
    FOR ALL
    USING (user_id = (SELECT public.current_user_id()))
    WITH CHECK (user_id = (SELECT public.current_user_id()));
CREATE POLICY channel_deliveries_user_read ON channel_deliveries
    FOR SELECT
    USING (EXISTS (
        SELECT FROM notification_channels AS parent
        WHERE parent.id = channel_deliveries.channel_id
            AND parent.user_id = (SELECT public.current_user_id())
    ));
CREATE POLICY notification_channels_pipeline_access ON notification_channels
    FOR ALL TO recomamp_pipeline USING (true) WITH CHECK (true);
CREATE POLICY channel_deliveries_pipeline_access ON channel_deliveries
    FOR ALL TO recomamp_pipeline USING (true) WITH CHECK (true);


-- Deleting one's own rows -------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION public.delete_own_row(table_name TEXT, row_id UUID)
RETURNS BOOLEAN
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller CONSTANT UUID := public.current_user_id();
BEGIN
    CASE table_name
        WHEN 'workflows' THEN
            DELETE FROM public.workflows WHERE id = row_id AND user_id = caller;
        WHEN 'workflow_schedules' THEN
            DELETE FROM public.workflow_schedules WHERE id = row_id AND user_id = caller;
        WHEN 'report_data_collections' THEN
            DELETE FROM public.report_data_collections WHERE id = row_id AND user_id = caller;
        WHEN 'query_templates' THEN
            -- The table's trigger asks this only where row level security holds.
            PERFORM public.refuse_used_template(id, author_id)
            FROM public.query_templates WHERE id = row_id AND author_id = caller;
            DELETE FROM public.query_templates WHERE id = row_id AND author_id = caller;
        WHEN 'asins' THEN
            DELETE FROM public.asins WHERE id = row_id AND user_id = caller;
        WHEN 'asin_lists' THEN
            DELETE FROM public.asin_lists WHERE id = row_id AND user_id = caller;
        WHEN 'asin_list_items' THEN
            DELETE FROM public.asin_list_items AS item
            USING public.asin_lists AS list
            WHERE item.id = row_id AND list.id = item.list_id AND list.user_id = caller;
        WHEN 'user_guide_progress' THEN
            DELETE FROM public.user_guide_progress WHERE id = row_id AND user_id = caller;
        WHEN 'user_guide_favorites' THEN
            DELETE FROM public.user_guide_favorites WHERE id = row_id AND user_id = caller;
        WHEN 'result_checks' THEN
            DELETE FROM public.result_checks WHERE id = row_id AND user_id = caller;
        WHEN 'notification_channels' THEN
            DELETE FROM public.notification_channels WHERE id = row_id AND user_id = caller;
        ELSE
            RAISE EXCEPTION
                'delete_own_row: no rows of % can be deleted; name workflows, workflow_schedules,'
                ' report_data_collections, query_templates, asins, asin_lists, asin_list_items,'
                ' user_guide_progress, user_guide_favorites, result_checks or'
                ' notification_channels', COALESCE(table_name, 'NULL')
                USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION delete_own_row(TEXT, UUID) IS
    'Deletes a row of the caller by its table and id, and returns whether there was one. Analysts '
    'call it, because they have no DELETE. Tables: workflows, workflow_schedules, '
    'report_data_collections, query_templates, asins, asin_lists, asin_list_items, '
    'user_guide_progress, user_guide_favorites, result_checks, notification_channels.';
