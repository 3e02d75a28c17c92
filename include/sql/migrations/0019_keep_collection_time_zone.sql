-- The time zone of a collection says where its days begin. Changing it after weeks have been run would
-- move every window, and all weeks would be asked for again.

CREATE FUNCTION keep_collection_time_zone()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM report_data_weeks WHERE collection_id = NEW.id AND status <> 'PENDING'
    ) THEN
        PERFORM refuse_row('report_data_collections', 'parameters', format(
            'timezone cannot change from %s: weeks have already been run; make a new collection',
            COALESCE(OLD.parameters ->> 'timezone', 'UTC')
        ));
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_keep_collection_time_zone
    AFTER UPDATE OF parameters ON report_data_collections
    FOR EACH ROW
    WHEN (
        COALESCE(OLD.parameters ->> 'timezone', 'UTC')
        IS DISTINCT FROM COALESCE(NEW.parameters ->> 'timezone', 'UTC')
    )
    EXECUTE FUNCTION keep_collection_time_zone();
