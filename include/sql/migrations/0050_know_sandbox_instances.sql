-- AMC runs queries of a SANDBOX instance over made-up data, and only where the request asks for it.
-- The health check writes what Amazon says; NULL until the first one.
ALTER TABLE amc_instances
    ADD COLUMN instance_type TEXT,
    ADD CONSTRAINT chk_amc_instances_instance_type_form CHECK (instance_type ~ '^[A-Z_]{1,32}$');
