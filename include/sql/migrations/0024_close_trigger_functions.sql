-- Functions that act with their owner's rights belong to our own triggers. Whoever may execute one
-- may also put it on a temporary table of his own, and reach other people's rows through it:
-- counters of schedules, weeks and progress of collections. Firing a trigger needs no such right.

REVOKE ALL ON FUNCTION
    calculate_collection_progress(),
    check_report_data_collection(),
    check_workflow(),
    check_workflow_schedule(),
    count_schedule_runs(),
    cut_new_collection(),
    keep_collection_time_zone(),
    plan_next_run(),
    recut_collection(),
    resume_collection(),
    update_workflow_execution_count()
FROM PUBLIC;
