-- Read the indexes that no query has used since the server began to count, the largest first.
-- Parameters: larger_than_bytes (smaller ones cost little).
SELECT
    table_name,
    index_name,
    size_bytes,
    counted_since
FROM unused_indexes(%(larger_than_bytes)s);
