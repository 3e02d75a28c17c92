-- Closed sets of words, with the values the document's comments give. Text with a named CHECK rather
-- than an enum type: another word is then one ALTER TABLE in one transaction.

ALTER TABLE amc_instances
    ADD CONSTRAINT chk_instance_health_status
        CHECK (health_status IN ('UNKNOWN', 'HEALTHY', 'UNHEALTHY', 'ERROR'));

-- Which is also the status of the last run of a schedule; and while it runs, that it runs.
ALTER TABLE schedule_runs
    ADD CONSTRAINT chk_schedule_run_status CHECK (status IN ('SUCCESS', 'FAILED', 'SKIPPED'));
ALTER TABLE workflow_schedules
    ADD CONSTRAINT chk_schedule_last_run_status CHECK (last_run_status IN (
        'PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED', 'TIMEOUT'
    ));

-- NULL would be a week that never ends and is never counted.
ALTER TABLE report_data_weeks
    ADD CONSTRAINT chk_week_status CHECK (
        status IS NOT NULL
        AND status IN ('PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'SKIPPED')
    ),
    ADD CONSTRAINT chk_week_dates CHECK (week_start_date <= week_end_date);

ALTER TABLE campaigns
    ADD CONSTRAINT chk_campaign_state CHECK (state IN ('ENABLED', 'PAUSED', 'ARCHIVED')),
    ADD CONSTRAINT chk_campaign_budget_type CHECK (budget_type IN ('DAILY', 'LIFETIME'));

ALTER TABLE query_templates
    ADD CONSTRAINT chk_template_difficulty_level
        CHECK (difficulty_level IN ('BEGINNER', 'INTERMEDIATE', 'ADVANCED'));

ALTER TABLE build_guides
    ADD CONSTRAINT chk_guide_difficulty_level
        CHECK (difficulty_level IN ('BEGINNER', 'INTERMEDIATE', 'ADVANCED'));

ALTER TABLE user_guide_progress
    ADD CONSTRAINT chk_guide_progress_status
        CHECK (status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED')),
    ADD CONSTRAINT chk_guide_progress_percentage
        CHECK (progress_percentage >= 0 AND progress_percentage <= 100);
