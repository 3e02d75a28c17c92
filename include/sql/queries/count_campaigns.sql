-- Count the campaigns of an instance by profile and type.
-- Parameters: instance_key (UUID).
SELECT
    profile_id,
    campaign_type,
    COUNT(*) AS campaigns
FROM campaigns
WHERE instance_id = %(instance_key)s
  AND profile_id IS NOT NULL
GROUP BY profile_id, campaign_type
ORDER BY profile_id, campaign_type;
