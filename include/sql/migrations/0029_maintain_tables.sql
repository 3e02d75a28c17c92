-- What the daily upkeep needs: statistics refreshed without owning the tables, indexes that nobody
-- uses, results that have grown old, and a place for what was found.

-- Only the owner of a table may ANALYZE it before PostgreSQL 17, which has a right of its own for that
-- (MAINTAIN, and with it VACUUM, REINDEX and LOCK TABLE). This function gives away ANALYZE alone, of
-- tables of this schema alone, on every version. False where the table is being altered or vacuumed.
CREATE FUNCTION analyze_table(analyzed TEXT)
RETURNS BOOLEAN
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET lock_timeout = '5s'
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
        RAISE EXCEPTION 'public.% is no table of the owner of analyze_table()', analyzed
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('ANALYZE public.%I', analyzed);
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END;
$$;
REVOKE EXECUTE ON FUNCTION analyze_table(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_table(TEXT) TO recomamp_pipeline;

-- The document's query under "find unused indexes" shows the statistics of columns. This one shows
-- indexes that no query has used since the server began to count; what enforces a rule (a key, an
-- exclusion, a replica identity) is used by that.
CREATE FUNCTION unused_indexes(larger_than_bytes BIGINT DEFAULT 1048576)
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


-- When results were last loaded (their age counts from then), when the rows of their document went, and
-- when their files did. Loading results again sets the first and clears the others.
ALTER TABLE workflow_executions
    ADD COLUMN results_loaded_at TIMESTAMPTZ, -- NULL: with completed_at
    ADD COLUMN result_data_trimmed_at TIMESTAMPTZ,
    ADD COLUMN result_files_deleted_at TIMESTAMPTZ,
    -- the later success that has the files now
    ADD COLUMN superseded_by UUID REFERENCES workflow_executions(id) ON DELETE SET NULL;

-- Documents that still have their rows, oldest first.
CREATE INDEX idx_workflow_executions_untrimmed
    ON workflow_executions (completed_at, id)
    WHERE status = 'SUCCESS' AND result_data_trimmed_at IS NULL;
-- Successes of one workflow over one window: which is the latest, which are superseded.
CREATE INDEX idx_workflow_executions_success_window
    ON workflow_executions (workflow_id, window_start, window_end)
    WHERE status = 'SUCCESS';
CREATE INDEX idx_workflow_executions_superseded_by
    ON workflow_executions (superseded_by) WHERE superseded_by IS NOT NULL;


-- What the upkeep found and a person should look at. A task that is tried again replaces its own.
CREATE TABLE maintenance_findings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    dag_run_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL, -- the index, the query, the execution
    detail TEXT NOT NULL,
    CONSTRAINT chk_maintenance_finding_kind
        CHECK (kind IN ('UNUSED_INDEX', 'SLOW_QUERY', 'TABLE_LOCKED', 'RESULT_FILES'))
);
CREATE INDEX idx_maintenance_findings_at ON maintenance_findings (at); -- old ones are deleted
CREATE INDEX idx_maintenance_findings_run ON maintenance_findings (dag_run_id, task_id);

-- They tell of all users' work, so analysts do not see them; the owner of the database does.
ALTER TABLE maintenance_findings ENABLE ROW LEVEL SECURITY;
CREATE POLICY maintenance_findings_pipeline_access ON maintenance_findings
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON maintenance_findings TO recomamp_pipeline;
