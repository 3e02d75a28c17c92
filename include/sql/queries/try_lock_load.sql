-- Take the right to load an execution's results, until the connection is closed; never wait.
-- A connection that has it gets it again.
-- Parameters: execution_id (UUID).
SELECT pg_try_advisory_lock(hashtextextended(%(execution_id)s::TEXT, 1)) AS locked;
