-- total_runs, successful_runs and failed_runs of a schedule follow its schedule_runs: each change is
-- added as a difference, so that many runs of history cost nothing. A skipped run counts in the total
-- only.
CREATE FUNCTION add_to_schedule_counters(
    counted_id UUID, runs INTEGER, successful INTEGER, failed INTEGER
)
RETURNS VOID
LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
    UPDATE workflow_schedules
    SET
        total_runs = COALESCE(total_runs, 0) + runs,
        successful_runs = COALESCE(successful_runs, 0) + successful,
        failed_runs = COALESCE(failed_runs, 0) + failed
    WHERE id = counted_id;
$$;

CREATE FUNCTION count_schedule_runs()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.schedule_id = OLD.schedule_id AND NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.schedule_id = OLD.schedule_id THEN
        PERFORM add_to_schedule_counters(
            NEW.schedule_id,
            0,
            (NEW.status = 'SUCCESS')::INTEGER - (OLD.status = 'SUCCESS')::INTEGER,
            (NEW.status = 'FAILED')::INTEGER - (OLD.status = 'FAILED')::INTEGER
        );
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM add_to_schedule_counters(
            OLD.schedule_id, -1,
            -(OLD.status = 'SUCCESS')::INTEGER, -(OLD.status = 'FAILED')::INTEGER
        );
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_to_schedule_counters(
            NEW.schedule_id, 1,
            (NEW.status = 'SUCCESS')::INTEGER, (NEW.status = 'FAILED')::INTEGER
        );
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_count_schedule_runs
    AFTER INSERT OR UPDATE OF status, schedule_id OR DELETE ON schedule_runs
    FOR EACH ROW
    EXECUTE FUNCTION count_schedule_runs();
