-- Users hear of weeks of collections that are late, as of late windows of schedules (0017).
-- docs/adr/0035 gives reasons.

-- A week is due when its data has settled, but not before it is watched. So all weeks of the past are
-- due at watched_since, and make one event. late_week_at is the next time at which weeks are due that
-- have not been judged: the statement of each minute reads an index, and no weeks.
ALTER TABLE report_data_collections
    ADD COLUMN late_after INTERVAL,
    ADD COLUMN watched_since TIMESTAMPTZ,
    ADD COLUMN late_week_at TIMESTAMPTZ,
    ADD CONSTRAINT chk_report_data_collections_late_after_range CHECK (
        late_after BETWEEN INTERVAL '5 minutes' AND INTERVAL '30 days'
        AND EXTRACT(YEAR FROM late_after) = 0
        AND EXTRACT(MONTH FROM late_after) = 0
        AND EXTRACT(DAY FROM late_after) BETWEEN 0 AND 30
    ),
    ADD CONSTRAINT chk_report_data_collections_watched_since_time CHECK (
        (watched_since AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    ),
    ADD CONSTRAINT chk_report_data_collections_late_week_at_time CHECK (
        (late_week_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    );

COMMENT ON COLUMN report_data_collections.late_after IS
    'Time after a week is due by which it must be loaded, from 5 minutes to 30 days. NULL: nobody is '
    'notified of late weeks. Added by the pipeline. Written by: user.';
COMMENT ON COLUMN report_data_collections.watched_since IS
    'Time since when late weeks are watched. Weeks of the past are due then. NULL where they are not '
    'watched. Added by the pipeline. Written by: set_late_week_at(); record_late_weeks().';
COMMENT ON COLUMN report_data_collections.late_week_at IS
    'Next time at which weeks are due, which are judged at late_after past it. NULL where none is. '
    'Added by the pipeline. Written by: set_late_week_at(); record_late_weeks().';

CREATE INDEX idx_report_data_collections_late
    ON report_data_collections (late_week_at)
    WHERE late_week_at IS NOT NULL;

-- The watch begins again where other weeks are due, or are due at another time. The trigger's name
-- sorts after trigger_check_report_data_collection, which fills the status.
CREATE FUNCTION public.set_late_week_at()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.late_after IS NOT NULL THEN
        PERFORM public.require_duration(
            'report_data_collections', 'late_after', NEW.late_after, '5 minutes', '30 days'
        );
    END IF;
    IF NEW.late_after IS NULL OR NEW.status IN ('PAUSED', 'COMPLETED') THEN
        NEW.watched_since := NULL;
        NEW.late_week_at := NULL;
    ELSIF TG_OP = 'INSERT' OR NEW.watched_since IS NULL OR (
        NEW.start_date,
        NEW.end_date,
        NEW.parameters -> 'timezone',
        NEW.parameters #> '{window,lag_days}'
    ) IS DISTINCT FROM (
        OLD.start_date,
        OLD.end_date,
        OLD.parameters -> 'timezone',
        OLD.parameters #> '{window,lag_days}'
    ) THEN
        NEW.watched_since := CASE TG_OP
            WHEN 'INSERT' THEN COALESCE(NEW.created_at, NOW())
            ELSE NOW()
        END;
        NEW.late_week_at := NEW.watched_since;
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER trigger_watch_late_weeks
    BEFORE INSERT OR UPDATE OF late_after, status, start_date, end_date, parameters
    ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION set_late_week_at();

-- A week whose results are there waits for its run's end at most: it is not late.
CREATE FUNCTION public.weeks_without_results(of_collection_id UUID)
RETURNS SETOF public.report_data_weeks
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT week.*
    FROM public.report_data_weeks AS week
    LEFT JOIN public.workflow_executions AS execution ON execution.id = week.execution_id
    WHERE week.collection_id = of_collection_id
        AND week.status NOT IN ('SUCCESS', 'SKIPPED')
        AND execution.status IS DISTINCT FROM 'SUCCESS';
$$;

-- Judge the weeks that are due for it, as record_late_windows() judges windows of schedules: one event
-- for all weeks of a collection that were due at one time and have no results. Locks, turns of users
-- and the day after an outage are the same. A collection that cannot be judged is watched from then on.
CREATE FUNCTION public.record_late_weeks()
RETURNS TABLE (late_collection_id UUID, late_due_at TIMESTAMPTZ, problem TEXT)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    judged RECORD;
    late RECORD;
    locked_users UUID[] := '{}'; -- so that each makes this wait once
BEGIN
    FOR judged IN
        SELECT
            collection.*,
            workflow.name AS workflow,
            instance.is_active AND owner.is_active AS runs
        FROM (
            SELECT
                id,
                row_number() OVER (PARTITION BY user_id ORDER BY late_week_at) AS place
            FROM public.report_data_collections
            WHERE late_week_at <= NOW() - INTERVAL '5 minutes'
                AND late_week_at + late_after <= NOW()
        ) AS due
        JOIN public.report_data_collections AS collection ON collection.id = due.id
        JOIN public.workflows AS workflow ON workflow.id = collection.workflow_id
        JOIN public.amc_instances AS instance ON instance.id = collection.instance_id
        JOIN public.users AS owner ON owner.id = collection.user_id
        WHERE collection.late_week_at <= NOW() - INTERVAL '5 minutes'
            AND collection.late_week_at + collection.late_after <= NOW()
        ORDER BY due.place, collection.late_week_at
        LIMIT 500
        FOR NO KEY UPDATE OF collection SKIP LOCKED
        FOR KEY SHARE OF owner SKIP LOCKED
    LOOP
        CONTINUE WHEN judged.user_id = ANY (locked_users);
        BEGIN
            PERFORM FROM public.notification_channels
            WHERE user_id = judged.user_id
            FOR KEY SHARE NOWAIT;
            SELECT MIN(week.week_start_date) AS first_date, MAX(week.week_end_date) AS last_date
            INTO late
            FROM public.weeks_without_results(judged.id) AS week
            WHERE judged.late_week_at = GREATEST(
                public.collection_week_due_at(week.week_end_date, judged.parameters),
                judged.watched_since
            );
            IF judged.runs AND late.first_date IS NOT NULL THEN
                PERFORM public.queue_notification(
                    judged.user_id,
                    'WINDOW_LATE',
                    format('window_late:%s:%s', judged.id, extract(epoch FROM judged.late_week_at)),
                    NOW(),
                    jsonb_build_object(
                        'name', judged.name,
                        'workflow', judged.workflow,
                        'time_zone', COALESCE(judged.parameters ->> 'timezone', 'UTC'),
                        'collection_id', judged.id,
                        'due_at', judged.late_week_at,
                        'start_date', late.first_date,
                        'end_date', late.last_date,
                        'total_weeks', judged.total_weeks,
                        'completed_weeks', judged.completed_weeks,
                        'failed_weeks', judged.failed_weeks,
                        'late_after_minutes', floor(extract(epoch FROM judged.late_after) / 60)
                    )
                );
                late_collection_id := judged.id;
                late_due_at := judged.late_week_at;
                problem := NULL;
                RETURN NEXT;
            END IF;
            UPDATE public.report_data_collections
            SET late_week_at = (
                SELECT MIN(week.due_at)
                FROM (
                    SELECT public.collection_week_due_at(week_end_date, judged.parameters) AS due_at
                    FROM public.report_data_weeks
                    WHERE collection_id = judged.id
                ) AS week
                WHERE week.due_at > GREATEST(
                    judged.late_week_at, NOW() - judged.late_after - INTERVAL '1 day'
                )
            )
            WHERE id = judged.id;
        EXCEPTION WHEN lock_not_available THEN
            locked_users := locked_users || judged.user_id;
        WHEN OTHERS THEN
            late_collection_id := judged.id;
            late_due_at := judged.late_week_at;
            problem := left(SQLERRM, 500);
            UPDATE public.report_data_collections
            SET watched_since = NOW(), late_week_at = NOW()
            WHERE id = judged.id;
            RETURN NEXT;
        END;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION record_late_weeks() IS
    'Judges the weeks whose time is over. Weeks of a collection that were due at one time and have no '
    'results are one event. Returns these collections, and those that cannot be judged with the '
    'problem. recomamp_pipeline calls it.';

-- The whole body again: of a collection it looks at the weeks that an event names.
CREATE OR REPLACE FUNCTION public.withdraw_loaded_windows()
RETURNS TABLE (event_id UUID, problem TEXT)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    event RECORD;
    is_loaded BOOLEAN;
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
            is_loaded := CASE
                WHEN event.details ? 'collection_id' THEN NOT EXISTS (
                    SELECT
                    FROM public.weeks_without_results((event.details ->> 'collection_id')::UUID)
                        AS week
                    WHERE week.week_start_date >= (event.details ->> 'start_date')::DATE
                        AND week.week_end_date <= (event.details ->> 'end_date')::DATE
                )
                ELSE public.is_window_loaded(
                    (event.details ->> 'schedule_id')::UUID,
                    (event.details ->> 'due_at')::TIMESTAMPTZ,
                    (event.details ->> 'window_end')::TIMESTAMPTZ
                )
            END;
            IF is_loaded THEN
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
