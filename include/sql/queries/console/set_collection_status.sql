-- Pause or resume a collection, as the analyst whose row it is. COMPLETED and FAILED follow from
-- the weeks.
-- Parameters: id (of the collection), status (ACTIVE or PAUSED).
UPDATE report_data_collections
SET status = %(status)s
WHERE id = %(id)s AND status <> %(status)s
RETURNING id;
