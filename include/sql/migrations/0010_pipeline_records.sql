-- What the pipeline records: failed calls, reconciliations, findings and mails; and what it
-- announces.

-- Failed calls ------------------------------------------------------------------------------------

-- One row for each failed try. Tokens, signed links and queries are not in it.
CREATE TABLE amc_api_errors (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    execution_id UUID REFERENCES workflow_executions(id) ON DELETE SET NULL,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    operation TEXT NOT NULL,
    status INTEGER,
    code TEXT,
    request_id TEXT,
    message TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT chk_api_error_attempt CHECK (attempt > 0)
);

COMMENT ON TABLE amc_api_errors IS
    'A failed try of a call to Amazon, without tokens, signed links and queries. The owner of the '
    'instance reads it; the pipeline inserts the rows and deletes them after 90 days. Table of '
    'the pipeline.';
COMMENT ON COLUMN amc_api_errors.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN amc_api_errors.at IS
    'Time of the try. Written by: default; any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.instance_id IS
    'AMC instance that the call was for. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.execution_id IS
    'Execution that the call was for. NULL where there was none. Written by: any Amazon call '
    '(insert_api_error).';
COMMENT ON COLUMN amc_api_errors.user_id IS
    'User in whose name Amazon was called. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.method IS
    'HTTP method. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.path IS
    'Path of the address, without its query. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.operation IS
    'Operation of Amazon''s API. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.status IS
    'HTTP status. NULL where no response came. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.code IS
    'Amazon''s error code. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.request_id IS
    'Amazon''s request id, for their support. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.message IS
    'Amazon''s message, without secrets. Written by: any Amazon call (insert_api_error).';
COMMENT ON COLUMN amc_api_errors.attempt IS
    'Number of the try within the call, from 1 on. Written by: default; any Amazon call '
    '(insert_api_error).';

CREATE INDEX idx_amc_api_errors_at ON amc_api_errors (at); -- old ones are deleted
CREATE INDEX idx_amc_api_errors_instance_at ON amc_api_errors (instance_id, at DESC);
-- Deleting an execution or a user looks for their errors.
CREATE INDEX idx_amc_api_errors_execution_id
    ON amc_api_errors (execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX idx_amc_api_errors_user_id ON amc_api_errors (user_id);
ALTER TABLE amc_api_errors ENABLE ROW LEVEL SECURITY;


-- Reconciliations ---------------------------------------------------------------------------------

-- What the reconcile DAG did where AMC's list and our open rows disagreed.
CREATE TABLE reconciliations (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    execution_id UUID, -- no foreign key: the execution may be deleted
    amc_execution_id TEXT,
    action TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT chk_reconciliation_action CHECK (action IN ('ADOPT', 'CANCEL_AT_AMC', 'CLOSE'))
);

COMMENT ON TABLE reconciliations IS
    'A change that recomamp_reconcile made where AMC''s list and the open executions disagreed. '
    'The pipeline inserts the rows and deletes them after 90 days. Table of the pipeline.';
COMMENT ON COLUMN reconciliations.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN reconciliations.at IS
    'Time of the change. Written by: default; recomamp_reconcile (insert_reconciliation).';
COMMENT ON COLUMN reconciliations.instance_id IS
    'AMC instance that was compared. Written by: recomamp_reconcile (insert_reconciliation).';
COMMENT ON COLUMN reconciliations.execution_id IS
    'Row of workflow_executions, which may be deleted since. Written by: recomamp_reconcile '
    '(insert_reconciliation).';
COMMENT ON COLUMN reconciliations.amc_execution_id IS
    'AMC''s id of the execution. NULL where AMC knew none. Written by: recomamp_reconcile '
    '(insert_reconciliation).';
COMMENT ON COLUMN reconciliations.action IS
    'ADOPT, CANCEL_AT_AMC or CLOSE. Written by: recomamp_reconcile (insert_reconciliation).';
COMMENT ON COLUMN reconciliations.detail IS
    'Reason in words. Written by: recomamp_reconcile (insert_reconciliation).';

CREATE INDEX idx_reconciliations_instance_id ON reconciliations (instance_id, at DESC);
CREATE INDEX idx_reconciliations_at ON reconciliations (at); -- old ones are deleted
ALTER TABLE reconciliations ENABLE ROW LEVEL SECURITY;


-- Findings ----------------------------------------------------------------------------------------

-- What a query names and its instance does not offer. A finding stops nothing: AMC decides.
CREATE TABLE workflow_findings (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    workflow_id UUID NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL,
    query_md5 TEXT NOT NULL,
    found_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    CONSTRAINT uq_workflow_findings UNIQUE (workflow_id, instance_id, table_name, column_name),
    CONSTRAINT chk_workflow_finding_kind CHECK (kind IN (
        'UNKNOWN_TABLE', 'REMOVED_TABLE', 'UNKNOWN_COLUMN', 'REMOVED_COLUMN',
        'DATE_AGAINST_TIMESTAMP'
    ))
);

COMMENT ON TABLE workflow_findings IS
    'A table or column that a query names and its instance does not offer. The owner reads it; '
    'the pipeline inserts the rows and deletes them once they are not true any more. Table of the '
    'pipeline.';
COMMENT ON COLUMN workflow_findings.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN workflow_findings.workflow_id IS
    'Workflow with the query. Written by: recomamp_schema_sync (merge_workflow_findings).';
COMMENT ON COLUMN workflow_findings.instance_id IS
    'AMC instance of the workflow. Written by: recomamp_schema_sync (merge_workflow_findings).';
COMMENT ON COLUMN workflow_findings.kind IS
    'UNKNOWN_TABLE, REMOVED_TABLE, UNKNOWN_COLUMN, REMOVED_COLUMN or DATE_AGAINST_TIMESTAMP. '
    'Written by: recomamp_schema_sync (merge_workflow_findings).';
COMMENT ON COLUMN workflow_findings.table_name IS
    'Table that the query names. Several, separated by commas, where the column may be of any of '
    'them. Written by: recomamp_schema_sync (merge_workflow_findings).';
COMMENT ON COLUMN workflow_findings.column_name IS
    'Column that the query names. Empty for a finding about a table. Written by: default; '
    'recomamp_schema_sync (merge_workflow_findings).';
COMMENT ON COLUMN workflow_findings.message IS
    'Finding in words. Written by: recomamp_schema_sync (merge_workflow_findings).';
COMMENT ON COLUMN workflow_findings.query_md5 IS
    'MD5 of workflows.sql_query as it was checked. Written by: recomamp_schema_sync '
    '(merge_workflow_findings).';
COMMENT ON COLUMN workflow_findings.found_at IS
    'Time when the finding was first made. Written by: default; recomamp_schema_sync '
    '(merge_workflow_findings).';

-- Deleting an instance looks for its findings.
CREATE INDEX idx_workflow_findings_instance_id ON workflow_findings (instance_id);
ALTER TABLE workflow_findings ENABLE ROW LEVEL SECURITY;

-- What the maintenance DAG found and a person should look at. A task that is tried again replaces
-- its own findings. They tell of all users' work, so analysts do not see them.
CREATE TABLE maintenance_findings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    dag_run_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT chk_maintenance_finding_kind
        CHECK (kind IN ('UNUSED_INDEX', 'SLOW_QUERY', 'TABLE_LOCKED', 'RESULT_FILES'))
);

COMMENT ON TABLE maintenance_findings IS
    'A finding of recomamp_maintenance that a person should look at. The pipeline inserts the '
    'rows and deletes them after 90 days; no analyst reads them. Table of the pipeline.';
COMMENT ON COLUMN maintenance_findings.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN maintenance_findings.at IS
    'Time of the finding. Written by: default; recomamp_maintenance (insert_finding).';
COMMENT ON COLUMN maintenance_findings.dag_run_id IS
    'Run id of the DAG run. Written by: recomamp_maintenance (insert_finding).';
COMMENT ON COLUMN maintenance_findings.task_id IS
    'Task that made the finding. Written by: recomamp_maintenance (insert_finding).';
COMMENT ON COLUMN maintenance_findings.kind IS
    'UNUSED_INDEX, SLOW_QUERY, TABLE_LOCKED or RESULT_FILES. Written by: recomamp_maintenance '
    '(insert_finding).';
COMMENT ON COLUMN maintenance_findings.subject IS
    'Index, query, table or execution that the finding is about. Written by: recomamp_maintenance '
    '(insert_finding).';
COMMENT ON COLUMN maintenance_findings.detail IS
    'Finding in words. Written by: recomamp_maintenance (insert_finding).';

CREATE INDEX idx_maintenance_findings_at ON maintenance_findings (at); -- old ones are deleted
CREATE INDEX idx_maintenance_findings_run ON maintenance_findings (dag_run_id, task_id);
ALTER TABLE maintenance_findings ENABLE ROW LEVEL SECURITY;

-- Before PostgreSQL 17 only the owner of a table may ANALYZE it. Since then the right MAINTAIN
-- exists, but it also gives VACUUM, REINDEX and LOCK TABLE. This function gives ANALYZE alone, of
-- tables of this schema alone, on every version. It returns false while the table is altered or
-- vacuumed.
CREATE FUNCTION public.analyze_table(analyzed TEXT)
RETURNS BOOLEAN
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout TO '5s'
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_class AS relation
        WHERE relation.relnamespace = 'public'::regnamespace
            AND relation.relname = analyzed
            AND relation.relkind IN ('r', 'p', 'm')
            -- ANALYZE itself would only warn
            AND pg_has_role(relation.relowner, 'USAGE')
    ) THEN
        RAISE EXCEPTION 'public.% is not a table of the owner of analyze_table()', analyzed
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('ANALYZE public.%I', analyzed);
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END;
$$;
COMMENT ON FUNCTION analyze_table(TEXT) IS
    'Runs ANALYZE on a table of the schema public; false while the table is locked. '
    'recomamp_pipeline calls it, which owns no table.';

-- Queries that take longer than a number of milliseconds, as the document reports them. The
-- extension pg_stat_statements may not be installed or not be loaded: then the function returns no
-- rows. The server's administrator chooses the schema of the extension.
CREATE FUNCTION public.slow_queries(longer_than_ms DOUBLE PRECISION DEFAULT 1000)
RETURNS TABLE (
    query TEXT,
    mean_exec_time DOUBLE PRECISION, -- milliseconds, as total_exec_time
    calls BIGINT,
    total_exec_time DOUBLE PRECISION
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    extension_schema TEXT;
BEGIN
    SELECT schema.nspname INTO extension_schema
    FROM pg_extension AS extension
    JOIN pg_namespace AS schema ON schema.oid = extension.extnamespace
    WHERE extension.extname = 'pg_stat_statements'
        AND has_schema_privilege(schema.oid, 'USAGE');
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT query, mean_exec_time, calls, total_exec_time FROM %I.pg_stat_statements'
        ' WHERE mean_exec_time > $1 ORDER BY mean_exec_time DESC',
        extension_schema
    ) USING longer_than_ms;
EXCEPTION
    WHEN object_not_in_prerequisite_state THEN
        RETURN;
END;
$$;
COMMENT ON FUNCTION slow_queries(DOUBLE PRECISION) IS
    'Queries whose mean run time exceeds a number of milliseconds, slowest first. No rows without '
    'the extension pg_stat_statements. recomamp_pipeline calls it.';

-- Indexes that no query has used since the server began to count. A key, an exclusion or a replica
-- identity is used by the rule that it enforces, and is left out.
CREATE FUNCTION public.unused_indexes(larger_than_bytes BIGINT DEFAULT 1048576)
RETURNS TABLE (
    table_name TEXT,
    index_name TEXT,
    size_bytes BIGINT,
    counted_since TIMESTAMPTZ -- NULL: since the database was made
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        used.relname::TEXT,
        used.indexrelname::TEXT,
        pg_relation_size(used.indexrelid),
        (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())
    FROM pg_stat_user_indexes AS used
    JOIN pg_index AS described ON described.indexrelid = used.indexrelid
    WHERE used.schemaname = 'public'
        AND used.idx_scan = 0
        AND NOT described.indisunique
        AND NOT described.indisexclusion
        AND NOT described.indisreplident
        AND pg_relation_size(used.indexrelid) > larger_than_bytes
    ORDER BY pg_relation_size(used.indexrelid) DESC, used.indexrelname
$$;
COMMENT ON FUNCTION unused_indexes(BIGINT) IS
    'Indexes above a number of bytes that no query has used, largest first. Indexes of '
    'constraints are left out. recomamp_pipeline calls it.';


-- Mails -------------------------------------------------------------------------------------------

-- The statement that makes an event true also writes its row: neither exists without the other.
-- The DAG recomamp_notifications sends it.
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
    event_key TEXT NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    details JSONB NOT NULL,
    status TEXT NOT NULL DEFAULT 'PENDING',
    next_try_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    attempts INTEGER NOT NULL DEFAULT 0,
    claim_id UUID,
    claimed_until TIMESTAMPTZ,
    message_id TEXT,
    is_digest BOOLEAN NOT NULL DEFAULT false,
    sending_started_at TIMESTAMPTZ,
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

COMMENT ON TABLE notifications IS
    'A mail to a user about an event. Triggers of schedule_runs, report_data_collections and '
    'users insert the rows; recomamp_notifications sends them. Table of the pipeline.';
COMMENT ON COLUMN notifications.id IS
    'Primary key. It is part of the mail''s Message-ID. Written by: default.';
COMMENT ON COLUMN notifications.user_id IS
    'User who gets the mail. Written by: queue_notification().';
COMMENT ON COLUMN notifications.kind IS
    'SCHEDULE_RUN_FAILED, COLLECTION_COMPLETED, COLLECTION_FAILED or CONSENT_REVOKED. Written by: '
    'queue_notification().';
COMMENT ON COLUMN notifications.event_key IS
    'Name of the event. An event that is reported again adds no row. Written by: '
    'queue_notification().';
COMMENT ON COLUMN notifications.happened_at IS
    'Time of the event. Written by: queue_notification().';
COMMENT ON COLUMN notifications.details IS
    'Content of the mail as of happened_at. Written by: queue_notification().';
COMMENT ON COLUMN notifications.status IS
    'PENDING, CLAIMED, SENDING, SENT, FAILED, IN_DOUBT, WITHDRAWN, UNSUBSCRIBED or EXPIRED. '
    'Written by: default; queue_notification(); withdraw_notifications(); recomamp_notifications '
    '(claim_notifications, start_sending_notifications, end_sending_notifications, '
    'release_notifications, expire_notifications).';
COMMENT ON COLUMN notifications.next_try_at IS
    'Earliest time of the next try. Written by: default; queue_notification(); '
    'recomamp_notifications (end_sending_notifications, release_notifications).';
COMMENT ON COLUMN notifications.attempts IS
    'Number of times that a mail server was asked to take the mail. Written by: default; '
    'recomamp_notifications (start_sending_notifications).';
COMMENT ON COLUMN notifications.claim_id IS
    'Id of the task that claimed the row. Written by: recomamp_notifications '
    '(claim_notifications).';
COMMENT ON COLUMN notifications.claimed_until IS
    'Time when the claim ends. Written by: recomamp_notifications (claim_notifications).';
COMMENT ON COLUMN notifications.message_id IS
    'Message-ID of the mail. Several rows of one digest have the same. Written by: '
    'recomamp_notifications (start_sending_notifications).';
COMMENT ON COLUMN notifications.is_digest IS
    'True where the mail tells several events. Written by: default; recomamp_notifications '
    '(start_sending_notifications).';
COMMENT ON COLUMN notifications.sending_started_at IS
    'Time just before the mail server was asked. Written by: recomamp_notifications '
    '(start_sending_notifications).';
COMMENT ON COLUMN notifications.last_error IS
    'Message of the mail server. Written by: recomamp_notifications (start_sending_notifications, '
    'end_sending_notifications, release_notifications, expire_notifications).';
COMMENT ON COLUMN notifications.created_at IS
    'Time of insertion, or when a withdrawn event became true again. Written by: default; '
    'queue_notification().';

CREATE INDEX idx_notifications_open
    ON notifications (created_at, id)
    WHERE status IN ('PENDING', 'CLAIMED', 'SENDING');
-- The sender counts how many mails a user has had within the hour.
CREATE INDEX idx_notifications_user_sending ON notifications (user_id, sending_started_at);
CREATE INDEX idx_notifications_created_at ON notifications (created_at); -- old ones are deleted
ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;

-- Queue a mail for a user who wants mails. A withdrawn row becomes PENDING again where its event is
-- true again; any other row stays as it is.
CREATE FUNCTION public.queue_notification(
    recipient_id UUID, event_kind TEXT, event_name TEXT, event_at TIMESTAMPTZ, event_details JSONB
)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO public.notifications AS queued (user_id, kind, event_key, happened_at, details)
    SELECT recipient.id, event_kind, event_name, event_at, jsonb_strip_nulls(event_details)
    FROM public.users AS recipient
    WHERE recipient.id = recipient_id
        AND COALESCE(recipient.email_notifications, true)
        AND COALESCE(recipient.is_active, true)
    ON CONFLICT ON CONSTRAINT uq_notifications_event DO UPDATE
    SET
        status = 'PENDING',
        details = EXCLUDED.details,
        happened_at = EXCLUDED.happened_at,
        created_at = NOW(),
        next_try_at = NOW()
    WHERE queued.status = 'WITHDRAWN';
$$;

-- Withdraw what has not been sent and is not true any more. A CLAIMED row may be withdrawn too: the
-- sender reads it again before it sends.
CREATE FUNCTION public.withdraw_notifications(recipient_id UUID, key_prefix TEXT)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE public.notifications
    SET status = 'WITHDRAWN'
    WHERE user_id = recipient_id
        AND status IN ('PENDING', 'CLAIMED')
        AND starts_with(event_key, key_prefix);
$$;

-- One mail for each run of a schedule, however often the run is cleared and fails again.
CREATE FUNCTION public.notify_schedule_run()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
    FROM public.workflow_schedules AS schedule
    JOIN public.workflows AS workflow ON workflow.id = schedule.workflow_id
    WHERE schedule.id = NEW.schedule_id;

    IF NEW.status <> 'FAILED' THEN
        PERFORM public.withdraw_notifications(ran.user_id, 'schedule_run:' || NEW.id);
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
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

CREATE TRIGGER trigger_notify_schedule_run
    AFTER INSERT OR UPDATE OF status ON schedule_runs
    FOR EACH ROW
    EXECUTE FUNCTION notify_schedule_run();

-- One mail each time a collection ends: it ends again after weeks are added or run again.
CREATE FUNCTION public.notify_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.withdraw_notifications(NEW.user_id, 'collection:' || NEW.id || ':');
    IF NEW.status NOT IN ('COMPLETED', 'FAILED') THEN
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        NEW.user_id,
        'COLLECTION_' || NEW.status,
        format('collection:%s:%s:%s', NEW.id, NEW.status, extract(epoch FROM NEW.completed_at)),
        NOW(),
        jsonb_build_object(
            'name', NEW.name,
            'workflow', (SELECT name FROM public.workflows WHERE id = NEW.workflow_id),
            'time_zone', NEW.parameters ->> 'timezone',
            'collection_id', NEW.id,
            'start_date', NEW.start_date,
            'end_date', NEW.end_date,
            'total_weeks', NEW.total_weeks,
            'completed_weeks', NEW.completed_weeks,
            'failed_weeks', NEW.failed_weeks,
            'error', (
                SELECT left(week.error_message, 2000)
                FROM public.report_data_weeks AS week
                WHERE week.collection_id = NEW.id AND week.status = 'FAILED'
                ORDER BY week.week_start_date
                LIMIT 1
            )
        )
    );
    RETURN NULL;
END;
$$;

-- Its name sorts before trigger_sync_resumed_collection: the end of a pause first withdraws the
-- previous mail, then the weeks may queue another one.
CREATE TRIGGER trigger_notify_collection
    AFTER UPDATE OF status ON report_data_collections
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION notify_collection();

CREATE FUNCTION public.withdraw_collection_notifications()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.withdraw_notifications(OLD.user_id, 'collection:' || OLD.id || ':');
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_withdraw_collection_notifications
    AFTER DELETE ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION withdraw_collection_notifications();

-- One mail for each withdrawn consent, until another one is stored.
CREATE FUNCTION public.notify_consent()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.consent_revoked_at IS NULL THEN
        PERFORM public.withdraw_notifications(NEW.id, 'consent:' || NEW.id || ':');
        RETURN NULL;
    END IF;
    PERFORM public.queue_notification(
        NEW.id,
        'CONSENT_REVOKED',
        format('consent:%s:%s', NEW.id, extract(epoch FROM NEW.consent_revoked_at)),
        NEW.consent_revoked_at,
        jsonb_build_object('error', left(NEW.consent_error, 2000))
    );
    RETURN NULL;
END;
$$;

-- Not UPDATE OF that column: a new consent clears it by a trigger, which the statement does not
-- name.
CREATE TRIGGER trigger_notify_consent
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN ((OLD.consent_revoked_at IS NULL) IS DISTINCT FROM (NEW.consent_revoked_at IS NULL))
    EXECUTE FUNCTION notify_consent();


-- Changes of definitions --------------------------------------------------------------------------

-- A change of a row that a DAG shows is announced on the channel recomamp_definitions, so that the
-- DAG follows within seconds. Listeners get the table and the id alone, and read the row
-- themselves. Without a listener a notification costs next to nothing. Counters, tokens and times
-- are not announced. Findings are not either: their DAGs show them at the next parse.
CREATE FUNCTION public.publish_definition_change()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A listener that never reads fills the queue, and a full queue would refuse this commit. The
    -- DAGs follow at the next parse anyway.
    IF pg_notification_queue_usage() > 0.5 THEN
        RETURN NULL;
    END IF;
    PERFORM pg_notify(
        'recomamp_definitions',
        json_build_object(
            'table', TG_TABLE_NAME,
            'id', CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END
        )::TEXT
    );
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_publish_changed_workflow_schedules
    AFTER UPDATE OF name, description, cron_expression, timezone, is_active, created_at, parameters,
        workflow_id, user_id
    ON workflow_schedules
    FOR EACH ROW
    WHEN (
        (OLD.name, OLD.description, OLD.cron_expression, OLD.timezone, OLD.is_active,
            OLD.created_at, OLD.parameters, OLD.workflow_id, OLD.user_id)
        IS DISTINCT FROM
        (NEW.name, NEW.description, NEW.cron_expression, NEW.timezone, NEW.is_active,
            NEW.created_at, NEW.parameters, NEW.workflow_id, NEW.user_id)
    )
    EXECUTE FUNCTION publish_definition_change();
CREATE TRIGGER trigger_publish_changed_report_data_collections
    AFTER UPDATE OF name, description, start_date, end_date, status, parameters, workflow_id,
        instance_id, user_id
    ON report_data_collections
    FOR EACH ROW
    WHEN (
        (OLD.name, OLD.description, OLD.start_date, OLD.end_date, OLD.status, OLD.parameters,
            OLD.workflow_id, OLD.instance_id, OLD.user_id)
        IS DISTINCT FROM
        (NEW.name, NEW.description, NEW.start_date, NEW.end_date, NEW.status, NEW.parameters,
            NEW.workflow_id, NEW.instance_id, NEW.user_id)
    )
    EXECUTE FUNCTION publish_definition_change();
CREATE TRIGGER trigger_publish_changed_workflows
    AFTER UPDATE OF name, description, sql_query, parameters, user_id, instance_id ON workflows
    FOR EACH ROW
    WHEN (
        (OLD.name, OLD.description, OLD.sql_query, OLD.parameters, OLD.user_id, OLD.instance_id)
        IS DISTINCT FROM
        (NEW.name, NEW.description, NEW.sql_query, NEW.parameters, NEW.user_id, NEW.instance_id)
    )
    EXECUTE FUNCTION publish_definition_change();
CREATE TRIGGER trigger_publish_changed_amc_instances
    AFTER UPDATE OF instance_id, name, region, is_active, account_id ON amc_instances
    FOR EACH ROW
    WHEN (
        (OLD.instance_id, OLD.name, OLD.region, OLD.is_active, OLD.account_id)
        IS DISTINCT FROM
        (NEW.instance_id, NEW.name, NEW.region, NEW.is_active, NEW.account_id)
    )
    EXECUTE FUNCTION publish_definition_change();
CREATE TRIGGER trigger_publish_changed_amc_accounts
    AFTER UPDATE OF country_code, marketplace_id ON amc_accounts
    FOR EACH ROW
    WHEN (
        (OLD.country_code, OLD.marketplace_id)
        IS DISTINCT FROM (NEW.country_code, NEW.marketplace_id)
    )
    EXECUTE FUNCTION publish_definition_change();
CREATE TRIGGER trigger_publish_changed_users
    AFTER UPDATE OF full_name, email, is_active ON users
    FOR EACH ROW
    WHEN (
        (OLD.full_name, OLD.email, OLD.is_active)
        IS DISTINCT FROM (NEW.full_name, NEW.email, NEW.is_active)
    )
    EXECUTE FUNCTION publish_definition_change();

-- A workflow, an instance or a user has no DAG before a schedule or a collection uses it.
CREATE TRIGGER trigger_publish_workflow_schedules
    AFTER INSERT OR DELETE ON workflow_schedules
    FOR EACH ROW
    EXECUTE FUNCTION publish_definition_change();
CREATE TRIGGER trigger_publish_report_data_collections
    AFTER INSERT OR DELETE ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION publish_definition_change();

-- Of an instance's health DAGs show ERROR alone.
CREATE TRIGGER trigger_publish_health_amc_instances AFTER UPDATE OF health_status ON amc_instances
    FOR EACH ROW
    WHEN ((OLD.health_status IS NOT DISTINCT FROM 'ERROR')
        <> (NEW.health_status IS NOT DISTINCT FROM 'ERROR'))
    EXECUTE FUNCTION publish_definition_change();
