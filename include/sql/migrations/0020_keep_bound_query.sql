-- What was bound when the attempt was opened is what is sent, however often sending is tried: the
-- workflow may be edited meanwhile. With submitted_sql and parameters these are all of the query.
ALTER TABLE workflow_executions
    ADD COLUMN input_parameters JSONB NOT NULL DEFAULT '[]';
