-- The story of conversions: a row is a conversion of a user whom ads reached.
SELECT *
FROM base_conversions_all
WHERE exposed
