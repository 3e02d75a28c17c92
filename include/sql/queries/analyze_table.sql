-- Gather the statistics of a table with its owner's rights; FALSE where its lock is not to be had.
-- Parameters: table_name.
SELECT analyze_table(%(table_name)s) AS is_analyzed;
