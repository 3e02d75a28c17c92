-- Read the active products of a user that Amazon was not asked about lately. A row is a product
-- with the profile that last knew it.
-- Parameters: user_id, before (products asked about since then are left out).
SELECT
    id,
    asin,
    profile_id
FROM asins
WHERE user_id = %(user_id)s
  AND is_active
  AND (validation_checked_at IS NULL OR validation_checked_at < %(before)s)
ORDER BY asin;
