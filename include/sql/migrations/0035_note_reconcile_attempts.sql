-- When the reconciliation last tried an instance. Those tried longest ago come first, so that an
-- instance that can never be compared does not take the time of all others.
ALTER TABLE public.amc_instances
    ADD COLUMN reconcile_attempted_at TIMESTAMPTZ;

-- GRANTS (moved to access.sql at merge)
GRANT UPDATE (reconcile_attempted_at) ON public.amc_instances TO recomamp_pipeline;
