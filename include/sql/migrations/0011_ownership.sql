-- A row cannot name another user's row.
--
-- Composite foreign keys hold an execution, a collection, a workflow and a campaign to the owner of
-- the rows they name. A schedule's run names executions of that schedule, and a week executions of
-- its collection. docs/adr/0020 says who owns what.
--
-- The keys stand next to the single ones, which say what a deletion does. The deferred ones are
-- checked at the end of the transaction: a deletion first sets schedule_id to NULL, and then the
-- pair agrees. An AMC instance takes its workflows along when it changes hands, and these take the
-- rest along.

-- Executions of the application name no definition, but its runs and weeks name them. The trigger
-- is off: the rows keep their updated_at.
ALTER TABLE workflow_executions DISABLE TRIGGER trigger_touch_workflow_executions;
UPDATE workflow_executions AS execution
SET schedule_id = run.schedule_id
FROM schedule_runs AS run
WHERE run.execution_id = execution.id
    AND execution.dag_id IS NULL
    AND execution.schedule_id IS NULL
    AND execution.collection_id IS NULL;
UPDATE workflow_executions AS execution
SET collection_id = week.collection_id
FROM report_data_weeks AS week
WHERE week.execution_id = execution.id
    AND execution.dag_id IS NULL
    AND execution.schedule_id IS NULL
    AND execution.collection_id IS NULL;
ALTER TABLE workflow_executions ENABLE TRIGGER trigger_touch_workflow_executions;

-- Rows that contradict a key are not ours to change: name them and stop.
DO $$
DECLARE
    tie RECORD;
    wrong TEXT;
BEGIN
    FOR tie IN
        SELECT *
        FROM (VALUES
            ('workflows', 'instance_id', 'amc_instances', 'user_id'),
            ('campaigns', 'instance_id', 'amc_instances', 'user_id'),
            ('report_data_collections', 'instance_id', 'amc_instances', 'user_id'),
            ('workflow_executions', 'schedule_id', 'workflow_schedules', 'user_id'),
            ('workflow_executions', 'collection_id', 'report_data_collections', 'user_id'),
            ('schedule_runs', 'execution_id', 'workflow_executions', 'schedule_id'),
            ('report_data_weeks', 'execution_id', 'workflow_executions', 'collection_id')
        ) AS tie (child, naming, parent, shared)
    LOOP
        EXECUTE format(
            'SELECT string_agg(id::TEXT, '', '') FROM ('
            '    SELECT child.id FROM public.%1$I AS child'
            '    JOIN public.%3$I AS parent ON parent.id = child.%2$I'
            '    WHERE parent.%4$I IS DISTINCT FROM child.%4$I'
            '    ORDER BY child.id LIMIT 3'
            ') AS contradicting',
            tie.child, tie.naming, tie.parent, tie.shared
        ) INTO wrong;
        IF wrong IS NOT NULL THEN
            PERFORM raise_invalid_row(tie.child, tie.naming, format(
                'names a row of %s with another %s, first in %s; correct or delete these rows and'
                ' migrate again', tie.parent, tie.shared, wrong
            ));
        END IF;
    END LOOP;
END;
$$;

-- The document wants CHECKs with a subquery for the three keys to workflows, which PostgreSQL
-- refuses. A workflow that is deleted takes its rows along; one that changes hands gives them
-- along.
ALTER TABLE workflows
    DROP CONSTRAINT IF EXISTS uq_workflows_id_user CASCADE,
    ADD CONSTRAINT uq_workflows_id_user UNIQUE (id, user_id);
ALTER TABLE workflow_executions
    DROP CONSTRAINT IF EXISTS fk_execution_user_workflow,
    ADD CONSTRAINT fk_execution_user_workflow
        FOREIGN KEY (workflow_id, user_id) REFERENCES workflows(id, user_id)
        ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE workflow_schedules
    DROP CONSTRAINT IF EXISTS fk_schedule_user_workflow,
    ADD CONSTRAINT fk_schedule_user_workflow
        FOREIGN KEY (workflow_id, user_id) REFERENCES workflows(id, user_id)
        ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE report_data_collections
    DROP CONSTRAINT IF EXISTS fk_collection_user_workflow,
    ADD CONSTRAINT fk_collection_user_workflow
        FOREIGN KEY (workflow_id, user_id) REFERENCES workflows(id, user_id)
        ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE amc_instances ADD CONSTRAINT uq_amc_instances_id_user UNIQUE (id, user_id);
ALTER TABLE workflow_schedules ADD CONSTRAINT uq_workflow_schedules_id_user UNIQUE (id, user_id);
ALTER TABLE report_data_collections
    ADD CONSTRAINT uq_report_data_collections_id_user UNIQUE (id, user_id);
ALTER TABLE workflow_executions
    ADD CONSTRAINT uq_workflow_executions_id_schedule UNIQUE (id, schedule_id),
    ADD CONSTRAINT uq_workflow_executions_id_collection UNIQUE (id, collection_id);

ALTER TABLE workflows
    ADD CONSTRAINT fk_workflow_user_instance
        FOREIGN KEY (instance_id, user_id) REFERENCES amc_instances (id, user_id)
        ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE campaigns
    ADD CONSTRAINT fk_campaign_user_instance
        FOREIGN KEY (instance_id, user_id) REFERENCES amc_instances (id, user_id)
        ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;
-- These follow their workflow to another user.
ALTER TABLE report_data_collections
    ADD CONSTRAINT fk_collection_user_instance
        FOREIGN KEY (instance_id, user_id) REFERENCES amc_instances (id, user_id)
        DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE workflow_executions
    ADD CONSTRAINT fk_execution_user_instance
        FOREIGN KEY (instance_id, user_id) REFERENCES amc_instances (id, user_id)
        DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT fk_execution_user_schedule
        FOREIGN KEY (schedule_id, user_id) REFERENCES workflow_schedules (id, user_id)
        DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT fk_execution_user_collection
        FOREIGN KEY (collection_id, user_id) REFERENCES report_data_collections (id, user_id)
        DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE schedule_runs
    ADD CONSTRAINT fk_schedule_run_execution
        FOREIGN KEY (execution_id, schedule_id) REFERENCES workflow_executions (id, schedule_id)
        DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE report_data_weeks
    ADD CONSTRAINT fk_week_execution
        FOREIGN KEY (execution_id, collection_id)
        REFERENCES workflow_executions (id, collection_id)
        DEFERRABLE INITIALLY DEFERRED;

-- An execution is of one definition, and of the DAG of that definition. The last branch is what a
-- deleted definition leaves behind.
ALTER TABLE workflow_executions
    ADD CONSTRAINT chk_execution_definition CHECK (num_nonnulls(schedule_id, collection_id) <= 1),
    ADD CONSTRAINT chk_execution_dag_id CHECK (
        dag_id IS NULL
        OR CASE
            WHEN schedule_id IS NOT NULL THEN dag_id = 'amc_schedule_' || schedule_id
            WHEN collection_id IS NOT NULL THEN dag_id = 'amc_collection_' || collection_id
            ELSE dag_id
                ~ '^amc_(schedule|collection)_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        END
    );


-- A workflow that has run takes its executions along to another user. They name the AMC instance
-- they ran on, so that instance must go along too.
CREATE FUNCTION public.check_workflow_owner()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.workflow_executions AS execution
        JOIN public.amc_instances AS instance ON instance.id = execution.instance_id
        WHERE execution.workflow_id = NEW.id AND instance.user_id <> NEW.user_id
    ) THEN
        PERFORM public.raise_invalid_row('workflows', 'user_id', format(
            'executions of workflow %s ran on an AMC instance that user %s does not have; change'
            ' amc_instances.user_id instead, which takes the workflow along', NEW.id, NEW.user_id
        ));
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_workflow_owner
    BEFORE UPDATE OF user_id ON workflows
    FOR EACH ROW
    WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id)
    EXECUTE FUNCTION check_workflow_owner();
