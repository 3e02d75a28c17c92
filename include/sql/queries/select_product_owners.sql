-- Read the active users with active products that Amazon was not asked about lately.
-- Parameters: before (products asked about since then are left out).
SELECT DISTINCT product.user_id
FROM asins AS product
JOIN users AS owner ON owner.id = product.user_id
WHERE product.is_active
  AND owner.is_active
  AND (product.validation_checked_at IS NULL OR product.validation_checked_at < %(before)s)
ORDER BY product.user_id;
