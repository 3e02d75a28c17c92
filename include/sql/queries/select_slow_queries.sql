-- Read queries with a long mean run time from pg_stat_statements, whose texts have no values.
-- Statements whose values it keeps, such as CREATE ROLE … PASSWORD, are left out, also after a
-- comment. Without the extension there are no rows.
-- Parameters: longer_than_ms, limit (the slowest so many).
SELECT
    query,
    mean_exec_time,
    calls,
    total_exec_time
FROM slow_queries(%(longer_than_ms)s)
WHERE query ~* '^(\s|--[^\n]*(\n|$)|/\*.*?\*/)*\(?\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\M'
ORDER BY mean_exec_time DESC
LIMIT %(limit)s;
