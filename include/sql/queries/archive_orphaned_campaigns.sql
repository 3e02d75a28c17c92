-- Archive the campaigns whose profile is unknown or no longer belongs to the instance: no list has
-- them. It runs after all lists are complete.
-- Parameters: instance_key (UUID), current_profile_ids, seen_at (of the lists).
UPDATE campaigns
SET
    state = 'ARCHIVED',
    sync_note = 'no longer listed by Amazon, where it was ' || state
WHERE instance_id = %(instance_key)s
  AND (profile_id IS NULL OR profile_id <> ALL (%(current_profile_ids)s::TEXT[]))
  AND state <> 'ARCHIVED'
  AND (last_sync_at IS NULL OR last_sync_at < %(seen_at)s)
RETURNING id;
