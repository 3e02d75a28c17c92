-- Query templates, and the workflows: the queries that users run.

-- Reading a query ---------------------------------------------------------------------------------

-- A query without its comments, as the pipeline reads it.
CREATE FUNCTION public.strip_comments(query TEXT)
RETURNS TEXT
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- The token that begins first wins: a quote in a comment opens no string, and the reverse.
    SELECT regexp_replace(
        query,
        '(''(?:[^'']|'''')*'')|"(?:[^"]|"")*"|--[^\n\r]*|/\*(?:[^*]|\*+[^*/])*\*+/',
        '\1 ', 'g'
    );
$$;

-- The names of the parameters that a query uses, as the pipeline reads them: {{name}} outside of
-- comments and quoted names, also within strings; CUSTOM_PARAMETER('name') outside of strings.
CREATE FUNCTION public.query_parameter_names(query TEXT)
RETURNS TEXT[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH uncommented AS (
        SELECT public.strip_comments(query) AS text
    ),
    found AS (
        SELECT match[1] AS name
        FROM uncommented,
            regexp_matches(text, '\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}', 'g') AS match
        UNION
        SELECT match[1]
        FROM uncommented,
            regexp_matches(
                text,
                '\mCUSTOM_PARAMETER\s*\(\s*''([A-Za-z_][A-Za-z0-9_]*)''\s*\)'
                '|''(?:[^'']|'''')*''',
                'gi'
            ) AS match
        WHERE match[1] IS NOT NULL
    )
    SELECT COALESCE(array_agg(name ORDER BY name COLLATE "C"), '{}') FROM found;
$$;


-- Query templates ---------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS query_templates (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,
    category TEXT NOT NULL,

    -- Template Content
    sql_template TEXT NOT NULL,
    parameters JSONB DEFAULT '{}', -- Parameter definitions

    -- Template Metadata
    tags TEXT[] DEFAULT '{}',
    difficulty_level TEXT, -- BEGINNER, INTERMEDIATE, ADVANCED
    estimated_runtime TEXT, -- Expected execution time

    -- Usage Tracking
    usage_count INTEGER DEFAULT 0,
    last_used_at TIMESTAMPTZ,

    -- Authoring
    author_id UUID REFERENCES users(id) ON DELETE SET NULL,
    is_official BOOLEAN DEFAULT false,
    is_public BOOLEAN DEFAULT true,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);
ALTER TABLE query_templates
    ALTER COLUMN is_public SET DEFAULT false,
    ADD CONSTRAINT chk_template_difficulty_level
        CHECK (difficulty_level IN ('BEGINNER', 'INTERMEDIATE', 'ADVANCED'));

COMMENT ON TABLE query_templates IS
    'A query with parameters that workflows are made from. Authors insert their own rows.';
COMMENT ON COLUMN query_templates.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN query_templates.name IS 'Name for display. Written by: user; application.';
COMMENT ON COLUMN query_templates.description IS 'Text for display. Written by: user; application.';
COMMENT ON COLUMN query_templates.category IS
    'Category for display. Written by: user; application.';
COMMENT ON COLUMN query_templates.sql_template IS
    'SQL with the parameters {{name}}. Written by: user; application.';
COMMENT ON COLUMN query_templates.parameters IS
    'Definitions of the parameters by name: exactly those that sql_template uses. Written by: '
    'default; user; application; check_query_template().';
COMMENT ON COLUMN query_templates.tags IS
    'Labels for display, at most 50. Written by: default; user; application.';
COMMENT ON COLUMN query_templates.difficulty_level IS
    'BEGINNER, INTERMEDIATE or ADVANCED. Written by: user; application.';
COMMENT ON COLUMN query_templates.estimated_runtime IS
    'Expected run time for display. Written by: user; application.';
COMMENT ON COLUMN query_templates.usage_count IS
    'Number of workflows made from the template. Written by: default; count_children(); '
    'enforce_counter().';
COMMENT ON COLUMN query_templates.last_used_at IS
    'Time when the latest of these workflows was made. Written by: set_template_last_used_at().';
COMMENT ON COLUMN query_templates.author_id IS
    'User who wrote the template. NULL for templates of the application. Written by: user; '
    'application.';
COMMENT ON COLUMN query_templates.is_official IS
    'True for a template that the application recommends. Analysts have no right to it. Written '
    'by: default; application.';
COMMENT ON COLUMN query_templates.is_public IS
    'True for a template that all signed-in users read in public_query_templates. Written by: '
    'default; user; application.';
COMMENT ON COLUMN query_templates.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN query_templates.updated_at IS
    'Time of the last change. A use is not a change. Written by: default; touch_updated_at().';

CREATE INDEX IF NOT EXISTS idx_query_templates_category ON query_templates(category);
CREATE INDEX IF NOT EXISTS idx_query_templates_tags ON query_templates USING GIN(tags);
CREATE INDEX IF NOT EXISTS idx_query_templates_usage ON query_templates(usage_count DESC);
CREATE INDEX IF NOT EXISTS idx_query_templates_public
    ON query_templates(is_public) WHERE is_public = true;

-- A use of the template is not a change of it.
CREATE TRIGGER trigger_touch_query_templates
    BEFORE UPDATE ON query_templates
    FOR EACH ROW
    WHEN (
        to_jsonb(OLD) - 'usage_count' - 'last_used_at'
        IS DISTINCT FROM to_jsonb(NEW) - 'usage_count' - 'last_used_at'
    )
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE query_templates ENABLE ROW LEVEL SECURITY;

-- The parameters of a template are exactly those that its SQL uses.
CREATE FUNCTION public.check_query_template()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- The pipeline fills these from the window of the run. A definition of them is optional.
    window_names CONSTANT TEXT[] :=
        ARRAY['start_date', 'end_date', 'time_window_start', 'time_window_end'];
    reserved_names CONSTANT TEXT[] := ARRAY['window', 'timezone', 'window_start', 'window_end'];
    used_names TEXT[];
    wrong TEXT;
BEGIN
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    IF TG_OP = 'UPDATE' AND (NEW.sql_template, NEW.parameters)
        IS NOT DISTINCT FROM (OLD.sql_template, COALESCE(OLD.parameters, '{}'))
    THEN
        RETURN NEW; -- an invalid template of the application may be renamed before it is corrected
    END IF;
    PERFORM public.require_object('query_templates', 'parameters', NEW.parameters);
    IF public.strip_comments(NEW.sql_template) !~ '[^[:space:];]' THEN
        PERFORM public.raise_invalid_row(
            'query_templates', 'sql_template',
            'must not be empty; write a SELECT: comments are not sent'
        );
    END IF;

    used_names := public.query_parameter_names(NEW.sql_template);
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM unnest(used_names) AS name
    WHERE name <> ALL (window_names) AND NOT NEW.parameters ? name;
    IF wrong IS NOT NULL THEN
        PERFORM public.raise_invalid_row('query_templates', 'parameters', format(
            'sql_template uses %1$L, which has no definition; add one such as'
            ' {"%1$s": {"type": "STRING"}}', wrong
        ));
    END IF;
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM jsonb_object_keys(NEW.parameters) AS name
    WHERE name <> ALL (used_names);
    IF wrong IS NOT NULL THEN
        PERFORM public.raise_invalid_row('query_templates', 'parameters', format(
            'defines %L, which sql_template does not use; remove it, or write {{%s}} where the'
            ' value belongs', wrong, wrong
        ));
    END IF;
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM unnest(used_names) AS name
    WHERE name = ANY (reserved_names);
    IF wrong IS NOT NULL THEN
        PERFORM public.raise_invalid_row('query_templates', 'parameters', format(
            'the name %L is the pipeline''s own; give the parameter another one', wrong
        ));
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_query_template
    BEFORE INSERT OR UPDATE OF sql_template, parameters ON query_templates
    FOR EACH ROW
    EXECUTE FUNCTION check_query_template();
-- Its name sorts before trigger_check_query_template, so it fires first.
CREATE TRIGGER trigger_bound_sql_template
    BEFORE INSERT OR UPDATE OF sql_template ON query_templates
    FOR EACH ROW
    EXECUTE FUNCTION refuse_long_text('sql_template', 'bytes', '262144');


-- Workflows ---------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS workflows (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    description TEXT,
    sql_query TEXT NOT NULL,

    -- Foreign Keys
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    template_id UUID REFERENCES query_templates(id) ON DELETE SET NULL,

    -- Configuration
    parameters JSONB DEFAULT '{}',
    tags TEXT[] DEFAULT '{}',
    is_public BOOLEAN DEFAULT false,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    last_executed_at TIMESTAMPTZ
);

COMMENT ON TABLE workflows IS 'A query of a user on an AMC instance. The user inserts the rows.';
COMMENT ON COLUMN workflows.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN workflows.name IS 'Name for display. Written by: user.';
COMMENT ON COLUMN workflows.description IS 'Text for display. Written by: user.';
COMMENT ON COLUMN workflows.sql_query IS
    'SQL of AMC with the parameters {{name}}. Written by: user.';
COMMENT ON COLUMN workflows.user_id IS
    'User that the workflow belongs to. It follows an instance that changes hands. Written by: '
    'user.';
COMMENT ON COLUMN workflows.instance_id IS 'AMC instance that runs the query. Written by: user.';
COMMENT ON COLUMN workflows.template_id IS
    'Template that the workflow was made from. NULL where the user may not use it. Written by: '
    'user; check_workflow_template().';
COMMENT ON COLUMN workflows.parameters IS
    'Values of the parameters by name. Written by: default; user; check_workflow().';
COMMENT ON COLUMN workflows.tags IS 'Labels for display, at most 50. Written by: default; user.';
COMMENT ON COLUMN workflows.is_public IS
    'Mark for display. No policy reads it: only the owner sees a workflow. Written by: default; '
    'user.';
COMMENT ON COLUMN workflows.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN workflows.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN workflows.last_executed_at IS
    'created_at of the latest execution. Written by: update_workflow_execution_count().';

CREATE INDEX IF NOT EXISTS idx_workflows_user_id ON workflows(user_id);
CREATE INDEX IF NOT EXISTS idx_workflows_instance_id ON workflows(instance_id);
CREATE INDEX IF NOT EXISTS idx_workflows_last_executed ON workflows(last_executed_at);
CREATE INDEX IF NOT EXISTS idx_workflows_tags ON workflows USING GIN(tags);
CREATE INDEX IF NOT EXISTS idx_workflows_parameters ON workflows USING GIN(parameters);

CREATE TRIGGER trigger_touch_workflows
    BEFORE UPDATE ON workflows
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE workflows ENABLE ROW LEVEL SECURITY;

-- A query on another user's instance would run with that user's consent at Amazon.
CREATE FUNCTION public.check_workflow()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.parameters := COALESCE(NEW.parameters, '{}');
    PERFORM public.require_object('workflows', 'parameters', NEW.parameters);
    PERFORM public.require_own_instance('workflows', NEW.instance_id, NEW.user_id);
    IF public.strip_comments(NEW.sql_query) !~ '[^[:space:];]'
        AND (TG_OP = 'INSERT' OR NEW.sql_query IS DISTINCT FROM OLD.sql_query)
    THEN
        PERFORM public.raise_invalid_row(
            'workflows', 'sql_query', 'must not be empty; write a SELECT: comments are not sent'
        );
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_check_workflow
    BEFORE INSERT OR UPDATE OF parameters, instance_id, user_id, sql_query ON workflows
    FOR EACH ROW
    EXECUTE FUNCTION check_workflow();

-- A workflow names a template of its owner, or a public one. The message is the same for another
-- user's template and for a missing one. A template that becomes private later stays named.
CREATE FUNCTION public.check_workflow_template()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.query_templates
        WHERE id = NEW.template_id AND (is_public OR author_id = NEW.user_id)
    ) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.template_id = OLD.template_id THEN
        -- The workflow changes hands, and the template belongs to its previous owner.
        NEW.template_id := NULL;
        RETURN NEW;
    END IF;
    PERFORM public.raise_invalid_row('workflows', 'template_id', format(
        'user %s has no template %s, and no public one has that id; choose one of'
        ' public_query_templates or of your own', NEW.user_id, NEW.template_id
    ));
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_check_new_workflow_template
    BEFORE INSERT ON workflows
    FOR EACH ROW
    WHEN (NEW.template_id IS NOT NULL)
    EXECUTE FUNCTION check_workflow_template();
CREATE TRIGGER trigger_check_workflow_template
    BEFORE UPDATE OF template_id, user_id ON workflows
    FOR EACH ROW
    WHEN (
        NEW.template_id IS NOT NULL
        AND (OLD.template_id, OLD.user_id) IS DISTINCT FROM (NEW.template_id, NEW.user_id)
    )
    EXECUTE FUNCTION check_workflow_template();

-- This function runs with the owner's rights and sees every row. Its message is the same for
-- another user's workflow and for a missing one.
CREATE FUNCTION public.require_own_workflow(table_name TEXT, workflow UUID, owner UUID)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.workflows WHERE id = workflow AND user_id = owner) THEN
        PERFORM public.raise_invalid_row(table_name, 'workflow_id', format(
            'user %s has no workflow %s', owner, workflow
        ));
    END IF;
END;
$$;


-- Use of templates --------------------------------------------------------------------------------

-- A use is a workflow made from the template. Its runs are not counted: one collection would
-- outweigh fifty analysts, and every submission to AMC would wait for a row that all users share.
CREATE TRIGGER trigger_count_usage_count_insert
    AFTER INSERT ON workflows REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('usage_count');
CREATE TRIGGER trigger_count_usage_count_update
    AFTER UPDATE ON workflows REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('usage_count');
CREATE TRIGGER trigger_count_usage_count_delete
    AFTER DELETE ON workflows REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('usage_count');
CREATE TRIGGER trigger_count_usage_count_truncate
    AFTER TRUNCATE ON workflows
    FOR EACH STATEMENT EXECUTE FUNCTION reset_counter('usage_count');
-- Depth 0: the statement of a user, not that of a trigger.
CREATE TRIGGER trigger_enforce_usage_count
    BEFORE INSERT OR UPDATE OF usage_count ON query_templates
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION enforce_counter('usage_count');
UPDATE query_templates AS parent
SET usage_count = counted.number
FROM (
    SELECT candidate.id, COUNT(child.id) AS number
    FROM query_templates AS candidate
    LEFT JOIN workflows AS child ON child.template_id = candidate.id
    GROUP BY candidate.id
) AS counted
WHERE parent.id = counted.id AND parent.usage_count IS DISTINCT FROM counted.number;

-- The trigger fires once a statement, and its name sorts before trigger_count_…. It locks the
-- templates that workflows came to and those that they left, in the order of their ids.
CREATE FUNCTION public.set_template_last_used_at()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    locked UUID[];
    used UUID[];
    dates TIMESTAMPTZ[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(use.template_id), array_agg(use.at) INTO used, dates
        FROM (
            SELECT template_id, MAX(COALESCE(created_at, NOW())) AS at
            FROM added
            WHERE template_id IS NOT NULL
            GROUP BY template_id
        ) AS use;
        locked := used;
    ELSE
        SELECT
            array_agg(DISTINCT now_used.template_id)
                FILTER (WHERE now_used.template_id IS NOT NULL),
            array_agg(now_used.template_id) || array_agg(removed_use.template_id)
        INTO used, locked
        FROM added AS now_used
        JOIN removed AS removed_use ON removed_use.id = now_used.id
        WHERE now_used.template_id IS DISTINCT FROM removed_use.template_id;
        dates := array_fill(NOW(), ARRAY[COALESCE(cardinality(used), 0)]);
    END IF;
    PERFORM FROM public.query_templates WHERE id = ANY (locked) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.query_templates AS template
    SET last_used_at = GREATEST(template.last_used_at, use.at)
    FROM unnest(used, dates) AS use (id, at)
    WHERE template.id = use.id;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_apply_template_use_insert
    AFTER INSERT ON workflows REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION set_template_last_used_at();
CREATE TRIGGER trigger_apply_template_use_update
    AFTER UPDATE ON workflows REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION set_template_last_used_at();

-- Templates that the application had before.
UPDATE query_templates AS template
SET last_used_at = used.at
FROM (
    SELECT template_id, MAX(created_at) AS at
    FROM workflows
    WHERE template_id IS NOT NULL
    GROUP BY template_id
) AS used
WHERE template.id = used.template_id
    AND (template.last_used_at IS NULL OR template.last_used_at < used.at);

-- Deleting a template takes it from the workflows that name it, and so locks them. The workflows of
-- other users are not the author's to lock: such a template can be made private, not deleted.
-- The owner of the database and the application's server may delete it.
CREATE FUNCTION public.refuse_used_template(template UUID, author UUID)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.workflows
        WHERE template_id = template AND user_id IS DISTINCT FROM author
    ) THEN
        PERFORM public.raise_invalid_row('query_templates', 'id', format(
            'workflows of other users were made from template %s; set is_public to false instead'
            ' of deleting it', template
        ));
    END IF;
END;
$$;

CREATE FUNCTION public.refuse_deleting_used_template()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.refuse_used_template(OLD.id, OLD.author_id);
    RETURN OLD;
END;
$$;

CREATE TRIGGER trigger_refuse_deleting_used_template
    BEFORE DELETE ON query_templates
    FOR EACH ROW
    WHEN (row_security_active('public.query_templates')) -- of the role of the statement
    EXECUTE FUNCTION refuse_deleting_used_template();
