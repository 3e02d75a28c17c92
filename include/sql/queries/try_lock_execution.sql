-- Take the right to send an execution, or to load its results, until the transaction ends; never wait.
-- A transaction that has it gets it again. The server must not end the transaction for being idle or
-- long, while AMC answers or files arrive; older servers have no limit to its length.
-- Parameters: execution_id (UUID), purpose (SEND or LOAD).
SELECT
    lock.execution_id,
    (
        SELECT COUNT(set_config(setting.name, '0', true))
        FROM pg_settings AS setting
        WHERE setting.name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
    ) AS lifted_limits
FROM execution_locks AS lock
WHERE lock.execution_id = %(execution_id)s
  AND lock.purpose = %(purpose)s
FOR UPDATE OF lock SKIP LOCKED;
