-- Take the right to talk to AMC about an execution, until the connection is closed; never wait.
-- Parameters: execution_id (UUID).
SELECT pg_try_advisory_lock(hashtextextended(%(execution_id)s::TEXT, 0)) AS locked;
