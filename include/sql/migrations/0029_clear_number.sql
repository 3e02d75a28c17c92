-- An open execution that goes on after a clear counts as an attempt since that clear.

COMMENT ON COLUMN workflow_executions.clear_number IS
    'Number of times that the DAG run had been cleared when a task last inserted or continued the '
    'row. Added by the pipeline. Written by: default; submit, wait (insert_execution); submit, '
    'wait, load (clear_try_error, increment_retry_count).';
COMMENT ON COLUMN workflow_executions.error_message IS
    'Error of a failed execution. While it is open: error of the last try. Written by: submit, '
    'wait, load (set_try_error, clear_try_error, increment_retry_count); submit, wait, '
    'recomamp_reconcile (mark_submitted); load (mark_succeeded, set_load_error); submit, wait, '
    'record, recomamp_reconcile (end_execution).';
COMMENT ON COLUMN workflow_executions.error_type IS
    'Type of the error, such as REJECTED or REQUEST_REJECTED. While it is open: set where a step '
    'failed for good. A success clears it. Written by: submit, wait, load (set_try_error, '
    'clear_try_error, increment_retry_count); load (mark_succeeded, set_load_error); submit, wait, '
    'record, recomamp_reconcile (end_execution).';
COMMENT ON COLUMN workflow_executions.next_retry_at IS
    'Earliest time of Airflow''s next try or of the next attempt. NULL where there is none. '
    'Written by: submit, wait, load (set_try_error, clear_try_error, increment_retry_count); '
    'submit, wait (insert_execution); submit, wait, recomamp_reconcile (mark_submitted); load '
    '(mark_succeeded); submit, wait, record, recomamp_reconcile (end_execution); record '
    '(cancel_next_attempt).';
