-- next_run_at shows when a schedule runs next and decides nothing: the DAG ticks by the row's rule.
-- So a first run that whoever inserts the row had named was shown and did not come. Now it is the
-- first tick after the row was made, whatever the row says. Rows of before come right with their next
-- run. The rest is 0012's.
CREATE OR REPLACE FUNCTION plan_next_run()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    changed BOOLEAN := true;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        changed := (NEW.cron_expression, NEW.timezone, NEW.is_active)
            IS DISTINCT FROM (OLD.cron_expression, OLD.timezone, OLD.is_active);
        IF NEW.is_active AND NOT OLD.is_active THEN
            NEW.paused_at := NULL;
        END IF;
    END IF;
    IF NOT NEW.is_active AND (TG_OP = 'INSERT' OR OLD.is_active IS DISTINCT FROM false) THEN
        NEW.paused_at := COALESCE(NEW.paused_at, NOW());
    END IF;

    IF changed OR NEW.next_run_at IS NULL THEN
        NEW.next_run_at := cron_next(
            NEW.cron_expression,
            NEW.timezone,
            CASE TG_OP WHEN 'INSERT' THEN COALESCE(NEW.created_at, NOW()) ELSE NOW() END
        );
    END IF;
    RETURN NEW;
END;
$$;
