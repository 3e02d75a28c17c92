-- Store the keys that a version of a window changed most.
-- Parameters: execution_id, rows (a JSON list of objects with the names of the columns).
INSERT INTO result_difference_rows (execution_id, number, kind, key, before, after)
SELECT
    %(execution_id)s,
    listed.number,
    listed.kind,
    listed.key,
    NULLIF(listed.before, 'null'),
    NULLIF(listed.after, 'null')
FROM jsonb_to_recordset(%(rows)s::JSONB) AS listed (
    number INTEGER,
    kind TEXT,
    key JSONB,
    before JSONB,
    after JSONB
)
RETURNING true AS is_stored;
