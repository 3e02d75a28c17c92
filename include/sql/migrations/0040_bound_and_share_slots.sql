-- Numbers that slots are counted with stay in a sane range.
-- A number beyond it limits nothing, and foreign executions are counted again within minutes.
UPDATE amc_accounts SET max_concurrent_executions = 10000 WHERE max_concurrent_executions > 10000;
UPDATE amc_instances SET max_concurrent_executions = 10000 WHERE max_concurrent_executions > 10000;
UPDATE amc_instances SET foreign_executions = 10000 WHERE foreign_executions > 10000;

ALTER TABLE amc_accounts
    DROP CONSTRAINT chk_account_max_concurrent_executions,
    ADD CONSTRAINT chk_account_max_concurrent_executions
        CHECK (max_concurrent_executions BETWEEN 1 AND 10000);
ALTER TABLE amc_instances
    DROP CONSTRAINT chk_instance_max_concurrent_executions,
    ADD CONSTRAINT chk_instance_max_concurrent_executions
        CHECK (max_concurrent_executions BETWEEN 1 AND 10000),
    DROP CONSTRAINT chk_instance_foreign_executions,
    ADD CONSTRAINT chk_instance_foreign_executions
        CHECK (foreign_executions BETWEEN 0 AND 10000);

-- Rows that ended while AMC had not said so keep their slots until AMC has been listed again. Few rows
-- stay in this index: those of which AMC never gave a last word.
CREATE INDEX idx_workflow_executions_closed_in_flight
    ON workflow_executions (instance_id, completed_at)
    WHERE dag_id IS NOT NULL
      AND amc_execution_id IS NOT NULL
      AND status IN ('FAILED', 'CANCELLED', 'TIMEOUT')
      AND COALESCE(amc_status, '') NOT IN (
          'SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELLED', 'TIMED_OUT'
      );
