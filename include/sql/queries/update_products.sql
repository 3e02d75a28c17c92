-- Keep what Amazon said of a batch of products. What it left out stays as it was; a price and its currency stay together.
-- Texts are cut to the length of their columns: one product must not stop the others of its batch.
-- A product that has become another ASIN meanwhile, or was asked about later, stays as it is.
-- Parameters: user_id, answers (JSON array of objects: id, asin, is_found and what was found), checked_at (when Amazon was asked).
UPDATE asins AS product
SET
    title = COALESCE(left(answer.title, 4000), product.title),
    brand = COALESCE(left(answer.brand, 1000), product.brand),
    category = COALESCE(left(answer.category, 1000), product.category),
    image_url = COALESCE(left(answer.image_url, 4000), product.image_url),
    price = COALESCE(answer.price, product.price),
    price_currency = CASE
        WHEN answer.price IS NULL THEN product.price_currency
        ELSE left(answer.price_currency, 10)
    END,
    sales_rank = COALESCE(answer.sales_rank, product.sales_rank),
    profile_id = COALESCE(answer.profile_id, product.profile_id),
    validation_status = CASE WHEN answer.is_found THEN 'FOUND' ELSE 'NOT_FOUND' END,
    validation_checked_at = %(checked_at)s,
    last_validated_at = CASE
        WHEN answer.is_found THEN %(checked_at)s
        ELSE product.last_validated_at
    END
FROM jsonb_to_recordset(%(answers)s::JSONB) AS answer (
    id UUID,
    asin TEXT,
    is_found BOOLEAN,
    profile_id TEXT,
    title TEXT,
    brand TEXT,
    category TEXT,
    image_url TEXT,
    price DECIMAL(10,2),
    price_currency TEXT,
    sales_rank INTEGER
)
WHERE product.id = answer.id
  AND product.asin = answer.asin
  AND product.user_id = %(user_id)s
  AND (product.validation_checked_at IS NULL OR product.validation_checked_at < %(checked_at)s)
RETURNING product.id;
