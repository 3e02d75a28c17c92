-- Pause or resume a schedule, as the analyst whose row it is.
-- Parameters: id (of the schedule), status (ACTIVE or PAUSED).
UPDATE workflow_schedules
SET is_active = %(status)s = 'ACTIVE'
WHERE id = %(id)s AND is_active <> (%(status)s = 'ACTIVE')
RETURNING id;
