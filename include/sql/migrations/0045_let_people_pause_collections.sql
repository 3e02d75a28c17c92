-- A person pauses a collection and resumes it. That it is COMPLETED or FAILED follows from its weeks:
-- the user is notified of it, so nobody says it by hand. Deleting a collection withdraws its mails.

-- With the rights of the statement, to see whose statement it is. What triggers write, they write as
-- the owner; the application's server and the pipeline are nobody's user.
CREATE FUNCTION check_collection_status()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (TG_OP = 'INSERT' OR NEW.status IS DISTINCT FROM OLD.status)
        AND COALESCE(NEW.status, 'ACTIVE') NOT IN ('ACTIVE', 'PAUSED')
        AND row_security_active('public.report_data_collections')
    THEN
        -- Asked by those alone who may: a role past row level security need not.
        IF public.current_user_id() IS NOT NULL THEN
            RAISE EXCEPTION
                'report_data_collections.status: % follows from the weeks; write ACTIVE or PAUSED',
                NEW.status
                USING
                    ERRCODE = 'check_violation', TABLE = 'report_data_collections',
                    COLUMN = 'status';
        END IF;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_collection_status
    BEFORE INSERT OR UPDATE OF status ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION check_collection_status();

CREATE FUNCTION withdraw_collection_notifications()
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
