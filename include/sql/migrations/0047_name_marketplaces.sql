-- Amazon opens marketplaces. The pipeline knows those of today by their country; any other is named
-- here, as Amazon's list of AMC accounts names it.
ALTER TABLE amc_accounts
    ADD COLUMN marketplace_id TEXT,
    ADD CONSTRAINT chk_amc_accounts_marketplace_id_form CHECK (marketplace_id ~ '^[A-Z0-9]{1,32}$');

DROP TRIGGER trigger_notify_changed_amc_accounts ON amc_accounts;

CREATE TRIGGER trigger_notify_changed_amc_accounts
    AFTER UPDATE OF country_code, marketplace_id ON amc_accounts
    FOR EACH ROW
    WHEN ((OLD.country_code, OLD.marketplace_id) IS DISTINCT FROM (NEW.country_code, NEW.marketplace_id))
    EXECUTE FUNCTION notify_of_definition();
