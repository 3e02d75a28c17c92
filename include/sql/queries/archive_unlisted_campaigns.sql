-- Archive the campaigns that a complete list no longer has. None is deleted: workflows and people
-- still use them. A campaign that is listed again takes the state of the list.
-- Parameters: instance_key (UUID), profile_id, campaign_type, seen_at (of the list).
UPDATE campaigns
SET
    state = 'ARCHIVED',
    sync_note = 'no longer listed by Amazon, where it was ' || state
WHERE instance_id = %(instance_key)s
  AND profile_id = %(profile_id)s
  AND campaign_type = %(campaign_type)s
  AND state <> 'ARCHIVED'
  AND (last_sync_at IS NULL OR last_sync_at < %(seen_at)s)
RETURNING id;
