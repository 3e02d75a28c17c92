-- Read the tables with changes since their statistics were last gathered, the most changed first,
-- so that an earlier try's tables are left out. Only tables that analyze_table() may analyze are
-- read.
-- Parameters: none.
SELECT counted.relname AS table_name
FROM pg_stat_user_tables AS counted
JOIN pg_class AS relation ON relation.oid = counted.relid
JOIN pg_proc AS analyzer ON analyzer.oid = to_regprocedure('public.analyze_table(text)')
WHERE counted.schemaname = 'public'
  AND relation.relkind IN ('r', 'p', 'm')
  AND pg_has_role(analyzer.proowner, relation.relowner, 'USAGE')
  AND (
      counted.n_mod_since_analyze > 0
      OR COALESCE(counted.last_analyze, counted.last_autoanalyze) IS NULL
  )
ORDER BY counted.n_mod_since_analyze DESC, counted.relname;
