-- The id of a deleted workflow, schedule or collection stays with its user.

-- DAGs, Assets and directories of results are named by these ids, and outlive their rows. With the id of
-- another user's deleted row, a person could take over its DAG with the earlier runs, and its Asset with
-- the DAGs that wait for it.
CREATE TABLE deleted_ids (
    table_name TEXT NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    deleted_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, id),
    CONSTRAINT chk_deleted_ids_deleted_at_time CHECK (
        (deleted_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    )
);
COMMENT ON TABLE deleted_ids IS
    'The ids of deleted workflows, schedules and collections. Only the same user may use one again. '
    'Table of the pipeline.';
COMMENT ON COLUMN deleted_ids.table_name IS
    'Table of the deleted row. Written by: keep_deleted_id().';
COMMENT ON COLUMN deleted_ids.id IS
    'Id of the deleted row. Written by: keep_deleted_id().';
COMMENT ON COLUMN deleted_ids.user_id IS
    'User of the deleted row, who may be deleted too. Written by: keep_deleted_id().';
COMMENT ON COLUMN deleted_ids.deleted_at IS
    'Time of the latest deletion. Written by: default; keep_deleted_id().';
ALTER TABLE deleted_ids ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION public.keep_deleted_id()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.deleted_ids (table_name, id, user_id) VALUES (TG_TABLE_NAME, OLD.id, OLD.user_id)
    ON CONFLICT (table_name, id) DO UPDATE SET user_id = excluded.user_id, deleted_at = excluded.deleted_at;
    RETURN NULL;
END;
$$;

CREATE FUNCTION public.check_deleted_id()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.deleted_ids AS kept
        WHERE kept.table_name = TG_TABLE_NAME AND kept.id = NEW.id AND kept.user_id <> NEW.user_id
    ) THEN
        PERFORM public.raise_invalid_row(TG_TABLE_NAME, 'id', format(
            '%s was the id of a deleted row of another user; leave id out of the INSERT', NEW.id
        ));
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_keep_deleted_id
    AFTER DELETE ON workflows FOR EACH ROW EXECUTE FUNCTION keep_deleted_id();
CREATE TRIGGER trigger_keep_deleted_id
    AFTER DELETE ON workflow_schedules FOR EACH ROW EXECUTE FUNCTION keep_deleted_id();
CREATE TRIGGER trigger_keep_deleted_id
    AFTER DELETE ON report_data_collections FOR EACH ROW EXECUTE FUNCTION keep_deleted_id();

-- After the INSERT: it may have waited for the transaction that deletes the row of this id.
CREATE TRIGGER trigger_check_deleted_id
    AFTER INSERT ON workflows FOR EACH ROW EXECUTE FUNCTION check_deleted_id();
CREATE TRIGGER trigger_check_deleted_id
    AFTER INSERT ON workflow_schedules FOR EACH ROW EXECUTE FUNCTION check_deleted_id();
CREATE TRIGGER trigger_check_deleted_id
    AFTER INSERT ON report_data_collections FOR EACH ROW EXECUTE FUNCTION check_deleted_id();
