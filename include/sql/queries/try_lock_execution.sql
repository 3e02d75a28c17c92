-- Lock the submission of an execution, or the load of its results, until the transaction ends;
-- never wait. A transaction that holds the lock gets it again. The server must not end an idle or
-- long transaction while AMC answers or files arrive; older servers have no limit of its length.
-- Parameters: execution_id (UUID), purpose (SUBMIT or LOAD).
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
