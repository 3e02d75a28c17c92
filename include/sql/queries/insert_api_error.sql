-- Insert a failed call to Amazon: one row for each failed try.
-- Parameters: instance_key (UUID), execution_id (UUID or NULL), user_id (in whose name), at, method,
-- path (without its query), operation, status (HTTP, or NULL for no answer), code, request_id, message,
-- attempt (which try of the call, from 1).
INSERT INTO amc_api_errors (
    instance_id,
    execution_id,
    user_id,
    at,
    method,
    path,
    operation,
    status,
    code,
    request_id,
    message,
    attempt
)
VALUES (
    %(instance_key)s,
    %(execution_id)s,
    %(user_id)s,
    %(at)s,
    %(method)s,
    %(path)s,
    %(operation)s,
    %(status)s,
    %(code)s,
    %(request_id)s,
    %(message)s,
    %(attempt)s
)
RETURNING id;
