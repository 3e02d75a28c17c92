-- Archive the campaigns of profiles that do not belong to an instance, and those whose profile is not
-- known: no list has them. Once all lists are complete.
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
