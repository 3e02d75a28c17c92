-- Details of events that are true again, and AMC's ids of dry runs.

-- Events -------------------------------------------------------------------------------------------

-- Queue an event for a user: a mail where the user wants mails of its kind, and a delivery for each
-- channel. A withdrawn row becomes PENDING again where its event is true again. An UNSUBSCRIBED row
-- does so where the user wants mails by now. Any other mail stays as it is. Without a mail the row
-- is UNSUBSCRIBED: the deliveries need it.
-- A delivery that is made or becomes PENDING again tells what is true now, so the row's details are
-- those of this call.
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
    WHERE queued.status = 'WITHDRAWN'
        OR (queued.status = 'UNSUBSCRIBED' AND EXCLUDED.status = 'PENDING');

    WITH opened AS (
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
        WHERE queued.status = 'WITHDRAWN'
        RETURNING queued.notification_id
    )
    UPDATE public.notifications AS event
    SET
        details = jsonb_strip_nulls(event_details),
        happened_at = event_at
    WHERE event.id IN (SELECT opened.notification_id FROM opened)
        AND (event.details, event.happened_at)
            IS DISTINCT FROM (jsonb_strip_nulls(event_details), event_at);
$$;


-- Dry runs -----------------------------------------------------------------------------------------

-- AMC may drop the names of executions. Then only its own id tells a dry run, which takes no slot.
ALTER TABLE workflow_dry_runs ADD COLUMN amc_execution_id TEXT;
COMMENT ON COLUMN workflow_dry_runs.amc_execution_id IS
    'AMC''s id of the latest dry run that was sent. The reconciliation counts it as none of the '
    'external executions. Written by: recomamp_dry_runs (mark_dry_run_sent).';
CREATE INDEX idx_workflow_dry_runs_amc_execution_id
    ON workflow_dry_runs (amc_execution_id) WHERE amc_execution_id IS NOT NULL;

-- The answer and the dry run that waits for it are written by two statements.
COMMENT ON COLUMN workflow_dry_runs.workflow_id IS
    'Workflow with the query. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.instance_id IS
    'AMC instance that was asked. Written by: recomamp_dry_runs (mark_dry_run_sent, '
    'record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.definition_md5 IS
    'MD5 of the query, the parameters and the options that were sent. Written by: '
    'recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.status IS
    'ACCEPTED or REFUSED is AMC''s answer. INVALID queries are not sent. UNKNOWN is tried again. '
    'Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.message IS
    'AMC''s words, or why there is no answer. NULL where AMC accepts the query. Written by: '
    'recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.checked_at IS
    'Time when AMC was asked. Written by: recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.attempts IS
    'Dry runs of this version so far. Written by: default; recomamp_dry_runs (mark_dry_run_sent, '
    'record_dry_run).';
COMMENT ON COLUMN workflow_dry_runs.next_try_at IS
    'Earliest time of the next dry run. NULL where AMC has answered. Written by: '
    'recomamp_dry_runs (mark_dry_run_sent, record_dry_run).';

-- The hour is counted before AMC is asked.
COMMENT ON COLUMN amc_instances.dry_runs_since IS
    'Beginning of the hour that dry_runs counts. Added by the pipeline. Written by: '
    'recomamp_dry_runs (count_dry_run).';
COMMENT ON COLUMN amc_instances.dry_runs IS
    'Dry runs within that hour. Added by the pipeline. Written by: default; recomamp_dry_runs '
    '(count_dry_run).';
