-- Set how long the statements of this transaction wait for a lock before they fail.
-- Parameters: milliseconds.
SELECT set_config('lock_timeout', %(milliseconds)s::TEXT, true) AS lock_timeout;
