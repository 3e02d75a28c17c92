-- Which run of a schedule is its last: the one with the latest tick, whenever it was recorded. A run of
-- last month that is cleared today ends today, and is still not the last.
ALTER TABLE workflow_executions
    ADD COLUMN due_at TIMESTAMPTZ,
    ADD CONSTRAINT chk_workflow_executions_due_at_time CHECK (
        (due_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    ) NOT VALID;
ALTER TABLE workflow_executions VALIDATE CONSTRAINT chk_workflow_executions_due_at_time;

ALTER TABLE workflow_schedules
    ADD COLUMN last_run_due_at TIMESTAMPTZ,
    ADD CONSTRAINT chk_workflow_schedules_last_run_due_at_time CHECK (
        (last_run_due_at AT TIME ZONE 'UTC') BETWEEN '2000-01-01 00:00:00' AND '9999-01-01 00:00:00'
    ) NOT VALID;
ALTER TABLE workflow_schedules VALIDATE CONSTRAINT chk_workflow_schedules_last_run_due_at_time;
