-- Read the ids of the workflows that a person may mean by an id or a name.
-- Parameters: workflow_id (NULL where the name is no id), name.
SELECT workflow.id
FROM workflows AS workflow
WHERE workflow.id = %(workflow_id)s
   OR workflow.name = %(name)s
ORDER BY workflow.id = %(workflow_id)s DESC NULLS LAST, workflow.id
LIMIT 10;
