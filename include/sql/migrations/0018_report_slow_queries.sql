-- The document's slow-query report. Its column mean_time is mean_exec_time since PostgreSQL 13, and the
-- extension behind it may not be installed or not be loaded: then there is nothing to report, which
-- is no error.
CREATE FUNCTION slow_queries(longer_than_ms DOUBLE PRECISION DEFAULT 1000)
RETURNS TABLE (
    query TEXT,
    mean_exec_time DOUBLE PRECISION, -- milliseconds, as total_exec_time
    calls BIGINT,
    total_exec_time DOUBLE PRECISION
)
LANGUAGE plpgsql STABLE
SET search_path = public, extensions, pg_temp -- Supabase installs extensions into a schema of theirs
AS $$
BEGIN
    IF to_regclass('pg_stat_statements') IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE
        'SELECT query, mean_exec_time, calls, total_exec_time FROM pg_stat_statements'
        ' WHERE mean_exec_time > $1 ORDER BY mean_exec_time DESC'
        USING longer_than_ms;
EXCEPTION
    WHEN object_not_in_prerequisite_state THEN
        RETURN;
END;
$$;
