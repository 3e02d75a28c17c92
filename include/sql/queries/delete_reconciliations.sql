-- Forget what was done long ago.
-- Parameters: before.
DELETE FROM reconciliations
WHERE at < %(before)s
RETURNING id;
