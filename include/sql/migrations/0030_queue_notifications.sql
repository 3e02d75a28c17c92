-- What users are told by mail. A row is written by the statement that makes the event true, so there is
-- no event without its row and no row without its event; the DAG recomamp_notifications sends it.
--
--   PENDING ─▶ CLAIMED ─▶ SENDING ─▶ SENT
--      ▲          │           ├────▶ FAILED      refused for good, or tried too often
--      └──────────┴───────────┤      IN_DOUBT    the sender died while the server may have had it
--                             └────▶ PENDING     the server took nothing: later again
--   PENDING ─▶ WITHDRAWN (no longer true) | UNSUBSCRIBED | EXPIRED (a day old and still not sent)
CREATE TABLE notifications (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    event_key TEXT NOT NULL, -- names the event: whoever reports it again adds nothing
    happened_at TIMESTAMPTZ NOT NULL,
    details JSONB NOT NULL, -- what the message says, as it was then
    status TEXT NOT NULL DEFAULT 'PENDING',
    next_try_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    attempts INTEGER NOT NULL DEFAULT 0, -- how often a server was asked to take it
    claim_id UUID, -- who has it in hand
    claimed_until TIMESTAMPTZ,
    message_id TEXT, -- of the mail; several rows of one digest have the same
    is_digest BOOLEAN NOT NULL DEFAULT false,
    sending_at TIMESTAMPTZ,
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    CONSTRAINT uq_notifications_event UNIQUE (event_key),
    CONSTRAINT chk_notification_kind CHECK (kind IN (
        'SCHEDULE_RUN_FAILED', 'COLLECTION_COMPLETED', 'COLLECTION_FAILED', 'CONSENT_REVOKED'
    )),
    CONSTRAINT chk_notification_status CHECK (status IN (
        'PENDING', 'CLAIMED', 'SENDING', 'SENT', 'FAILED', 'IN_DOUBT', 'WITHDRAWN',
        'UNSUBSCRIBED', 'EXPIRED'
    )),
    CONSTRAINT chk_notification_attempts CHECK (attempts >= 0)
);
CREATE INDEX idx_notifications_open
    ON notifications (created_at, id)
    WHERE status IN ('PENDING', 'CLAIMED', 'SENDING');
-- How many mails a user has had within the hour.
CREATE INDEX idx_notifications_user_sending ON notifications (user_id, sending_at);
CREATE INDEX idx_notifications_created_at ON notifications (created_at); -- old ones are deleted

ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;
CREATE POLICY notifications_user_read ON notifications
    FOR SELECT
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY notifications_pipeline_access ON notifications
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);

GRANT SELECT (id, user_id, kind, happened_at, details, status, sending_at, created_at)
    ON notifications TO recomamp_analyst;
-- Events are written by the triggers below alone, and what they say is not changed.
GRANT SELECT, DELETE ON notifications TO recomamp_pipeline;
GRANT UPDATE (
    status, next_try_at, attempts, claim_id, claimed_until, message_id, is_digest, sending_at,
    last_error
) ON notifications TO recomamp_pipeline;


-- Queue a message for a user who wants messages. One that was withdrawn comes back where its event
-- is true again; any other is there once for all.
CREATE FUNCTION queue_notification(
    told_id UUID, told_kind TEXT, told_key TEXT, told_at TIMESTAMPTZ, told_details JSONB
)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
    INSERT INTO notifications AS queued (user_id, kind, event_key, happened_at, details)
    SELECT told.id, told_kind, told_key, told_at, jsonb_strip_nulls(told_details)
    FROM users AS told
    WHERE told.id = told_id
        AND COALESCE(told.email_notifications, true)
        AND COALESCE(told.is_active, true)
    ON CONFLICT ON CONSTRAINT uq_notifications_event DO UPDATE
    SET
        status = 'PENDING',
        details = EXCLUDED.details,
        happened_at = EXCLUDED.happened_at,
        created_at = NOW(),
        next_try_at = NOW()
    WHERE queued.status = 'WITHDRAWN';
$$;

-- Take back what has not been sent and is not true any more. One that is in hand is let go: the sender
-- looks again before it sends.
CREATE FUNCTION withdraw_notifications(told_id UUID, key_prefix TEXT)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
    UPDATE notifications
    SET status = 'WITHDRAWN'
    WHERE user_id = told_id
        AND status IN ('PENDING', 'CLAIMED')
        AND starts_with(event_key, key_prefix);
$$;
REVOKE EXECUTE ON FUNCTION queue_notification(UUID, TEXT, TEXT, TIMESTAMPTZ, JSONB) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION withdraw_notifications(UUID, TEXT) FROM PUBLIC;


-- One message for each run of a schedule, however often the run is cleared and fails again.
CREATE FUNCTION tell_schedule_run()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    ran RECORD;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    IF NEW.status <> 'FAILED' AND TG_OP = 'INSERT' THEN
        RETURN NULL;
    END IF;

    SELECT schedule.name, schedule.timezone, schedule.user_id, workflow.name AS workflow
    INTO ran
    FROM workflow_schedules AS schedule
    JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
    WHERE schedule.id = NEW.schedule_id;

    IF NEW.status <> 'FAILED' THEN
        PERFORM withdraw_notifications(ran.user_id, 'schedule_run:' || NEW.id);
        RETURN NULL;
    END IF;
    PERFORM queue_notification(
        ran.user_id,
        'SCHEDULE_RUN_FAILED',
        'schedule_run:' || NEW.id,
        NOW(),
        jsonb_build_object(
            'name', ran.name,
            'workflow', ran.workflow,
            'time_zone', ran.timezone,
            'schedule_id', NEW.schedule_id,
            'dag_run_id', NEW.dag_run_id,
            'window_start', NEW.window_start,
            'window_end', NEW.window_end,
            'error', left(NEW.error_message, 2000)
        )
    );
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_tell_schedule_run
    AFTER INSERT OR UPDATE OF status ON schedule_runs
    FOR EACH ROW
    EXECUTE FUNCTION tell_schedule_run();


-- A collection that ended, each time it ends: with weeks added or run again it ends anew.
CREATE FUNCTION tell_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM withdraw_notifications(NEW.user_id, 'collection:' || NEW.id || ':');
    IF NEW.status NOT IN ('COMPLETED', 'FAILED') THEN
        RETURN NULL;
    END IF;
    PERFORM queue_notification(
        NEW.user_id,
        'COLLECTION_' || NEW.status,
        format('collection:%s:%s:%s', NEW.id, NEW.status, extract(epoch FROM NEW.completed_at)),
        NOW(),
        jsonb_build_object(
            'name', NEW.name,
            'workflow', (SELECT name FROM workflows WHERE id = NEW.workflow_id),
            'time_zone', NEW.parameters ->> 'timezone',
            'collection_id', NEW.id,
            'start_date', NEW.start_date,
            'end_date', NEW.end_date,
            'total_weeks', NEW.total_weeks,
            'completed_weeks', NEW.completed_weeks,
            'failed_weeks', NEW.failed_weeks,
            'error', (
                SELECT left(week.error_message, 2000)
                FROM report_data_weeks AS week
                WHERE week.collection_id = NEW.id AND week.status = 'FAILED'
                ORDER BY week.week_start_date
                LIMIT 1
            )
        )
    );
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_tell_collection
    AFTER UPDATE OF status ON report_data_collections
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION tell_collection();


-- A consent is withdrawn once, until another one is stored.
CREATE FUNCTION tell_consent()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF NEW.consent_revoked_at IS NULL THEN
        PERFORM withdraw_notifications(NEW.id, 'consent:' || NEW.id || ':');
        RETURN NULL;
    END IF;
    PERFORM queue_notification(
        NEW.id,
        'CONSENT_REVOKED',
        format('consent:%s:%s', NEW.id, extract(epoch FROM NEW.consent_revoked_at)),
        NEW.consent_revoked_at,
        jsonb_build_object('error', left(NEW.consent_error, 2000))
    );
    RETURN NULL;
END;
$$;

-- Not UPDATE OF that column: a new consent clears it by a trigger, which the statement does not name.
CREATE TRIGGER trigger_tell_consent
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN ((OLD.consent_revoked_at IS NULL) IS DISTINCT FROM (NEW.consent_revoked_at IS NULL))
    EXECUTE FUNCTION tell_consent();

-- Whoever may execute one of these may put it on a temporary table of his own (0024).
REVOKE ALL ON FUNCTION
    tell_collection(),
    tell_consent(),
    tell_schedule_run()
FROM PUBLIC;
