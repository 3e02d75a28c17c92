-- When the reconciliation last tried an instance. Those tried longest ago come first, so that an
-- instance that can never be compared does not take the time of all others.
ALTER TABLE public.amc_instances
    ADD COLUMN reconcile_attempted_at TIMESTAMPTZ;
