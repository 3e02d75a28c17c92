-- A slot is the right to have one execution in flight at AMC. It is granted in the order of turns,
-- held until the execution ends, and counted from the rows themselves: nothing has to be given back.

ALTER TABLE workflow_executions
    ADD COLUMN slot_granted_at TIMESTAMPTZ, -- NULL while the execution waits for its turn
    ADD COLUMN sending_at TIMESTAMPTZ; -- set just before AMC is asked to run it, once

-- What is in flight already holds a slot and may have been sent.
UPDATE workflow_executions
SET
    slot_granted_at = created_at,
    sending_at = created_at
WHERE status IN ('PENDING', 'RUNNING');
