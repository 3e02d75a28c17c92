-- Count a dry run of an instance before AMC is asked. No row where the instance has had as many as it
-- may have in the hour that began with dry_runs_since.
-- Parameters: instance_key (UUID), now, most_per_hour.
UPDATE amc_instances
SET
    dry_runs = CASE
        WHEN dry_runs_since > %(now)s::TIMESTAMPTZ - INTERVAL '1 hour' THEN dry_runs + 1
        ELSE 1
    END,
    dry_runs_since = CASE
        WHEN dry_runs_since > %(now)s::TIMESTAMPTZ - INTERVAL '1 hour' THEN dry_runs_since
        ELSE %(now)s::TIMESTAMPTZ
    END
WHERE id = %(instance_key)s
  AND (
      dry_runs < %(most_per_hour)s
      OR (dry_runs_since > %(now)s::TIMESTAMPTZ - INTERVAL '1 hour') IS NOT TRUE
  )
RETURNING id;
