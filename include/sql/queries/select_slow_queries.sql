-- Queries that take long on average, as pg_stat_statements knows them: their texts have no values.
-- Of statements whose values it keeps (CREATE ROLE … PASSWORD among them) none is shown; a comment
-- may stand before the first word. Without the extension there are none.
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
