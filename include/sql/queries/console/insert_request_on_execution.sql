-- Ask for a RETRY, a LOAD or a CANCEL of an execution of the user whose rights the transaction has.
-- Parameters: action, execution_id.
INSERT INTO run_requests (action, execution_id)
VALUES (%(action)s, %(execution_id)s)
RETURNING id;
