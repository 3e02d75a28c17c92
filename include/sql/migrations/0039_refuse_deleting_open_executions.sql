-- An open execution may still run at AMC, and its row is what cancels it there and counts its slot.
-- So the row stays while it is open, whatever deletion reaches it: of its workflow, of its AMC instance
-- or of its user. A deleted schedule or collection only lets go of its executions.
CREATE FUNCTION refuse_deleting_open_execution()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.dag_id IS NULL THEN
        PERFORM public.refuse_row('workflow_executions', 'status', format(
            'execution %s of workflow %s is %s; cancel it where it was started and end its row, then'
            ' delete', OLD.id, OLD.workflow_id, OLD.status
        ));
    END IF;
    PERFORM public.refuse_row('workflow_executions', 'status', format(
        'execution %s of workflow %s is %s; delete the workflow''s schedules and collections first,'
        ' wait until recomamp_reconcile has cancelled what is under way, which takes up to 30 minutes,'
        ' then delete the rest', OLD.id, OLD.workflow_id, OLD.status
    ));
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_refuse_deleting_open_execution
    BEFORE DELETE ON workflow_executions
    FOR EACH ROW
    WHEN (OLD.status IN ('PENDING', 'RUNNING'))
    EXECUTE FUNCTION refuse_deleting_open_execution();
