-- Read the ids of the workflows that a person may mean by an id or a name.
-- An id is never a name: the id of a deleted workflow may be the name that another user chose.
-- Parameters: workflow_id (NULL where the name is no id), name.
SELECT workflow.id
FROM workflows AS workflow
WHERE workflow.id = %(workflow_id)s
   OR (%(workflow_id)s::UUID IS NULL AND workflow.name = %(name)s)
ORDER BY workflow.id
LIMIT 10;
