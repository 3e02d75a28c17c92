-- Gather the statistics of a table with its owner's rights. FALSE where the table is locked.
-- Parameters: table_name.
SELECT analyze_table(%(table_name)s) AS is_analyzed;
