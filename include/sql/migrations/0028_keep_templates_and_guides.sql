-- Templates: how often they are used, and that their parameters are those of their SQL. Guides:
-- what they are made of, who likes them, who got how far. The counters are kept as in 0027.

-- Being used is no change of a template, nor being read one of a guide.
DROP TRIGGER trigger_touch_query_templates ON query_templates;
CREATE TRIGGER trigger_touch_query_templates
    BEFORE UPDATE ON query_templates
    FOR EACH ROW
    WHEN (
        to_jsonb(OLD) - 'usage_count' - 'last_used_at'
        IS DISTINCT FROM to_jsonb(NEW) - 'usage_count' - 'last_used_at'
    )
    EXECUTE FUNCTION touch_updated_at();
DROP TRIGGER trigger_touch_build_guides ON build_guides;
CREATE TRIGGER trigger_touch_build_guides
    BEFORE UPDATE ON build_guides
    FOR EACH ROW
    WHEN (
        to_jsonb(OLD) - 'completion_count' - 'favorite_count'
        IS DISTINCT FROM to_jsonb(NEW) - 'completion_count' - 'favorite_count'
    )
    EXECUTE FUNCTION touch_updated_at();

-- A use is a workflow made from the template. Its runs are not counted: one collection would
-- outweigh fifty analysts, and every submission to AMC would wait for a row that all users share.
SELECT install_counter('query_templates', 'usage_count', 'workflows', 'template_id', 'true');

-- Once a statement, and named to fire before the counting: it locks the templates that a workflow
-- came to, and those that it left, in the order of their ids.
CREATE FUNCTION date_template_use()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
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
            array_agg(now_used.template_id) || array_agg(formerly.template_id)
        INTO used, locked
        FROM added AS now_used
        JOIN removed AS formerly ON formerly.id = now_used.id
        WHERE now_used.template_id IS DISTINCT FROM formerly.template_id;
        dates := array_fill(NOW(), ARRAY[COALESCE(cardinality(used), 0)]);
    END IF;
    PERFORM FROM query_templates WHERE id = ANY (locked) ORDER BY id FOR NO KEY UPDATE;
    UPDATE query_templates AS template
    SET last_used_at = GREATEST(template.last_used_at, use.at)
    FROM unnest(used, dates) AS use (id, at)
    WHERE template.id = use.id;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_book_template_use_insert
    AFTER INSERT ON workflows REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION date_template_use();
CREATE TRIGGER trigger_book_template_use_update
    AFTER UPDATE ON workflows REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION date_template_use();

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


-- The names of the parameters that a query uses, in the pipeline's reading: {{name}} outside of
-- comments and quoted names, within strings too; CUSTOM_PARAMETER('name') outside of strings.
CREATE FUNCTION query_parameter_names(query TEXT)
RETURNS TEXT[]
LANGUAGE sql IMMUTABLE
SET search_path = public, pg_temp
AS $$
    -- What begins first wins, so that a quote in a comment opens no string, nor the reverse.
    WITH uncommented AS (
        SELECT regexp_replace(
            query,
            '(''(?:[^'']|'''')*'')|"(?:[^"]|"")*"|--[^\n]*|/\*(?:[^*]|\*+[^*/])*\*+/',
            '\1 ', 'g'
        ) AS text
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

CREATE FUNCTION check_query_template()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    -- Filled from the window of the run; they may be defined and need not be.
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
        RETURN NEW; -- an older template may be renamed without being mended first
    END IF;
    PERFORM require_object('query_templates', 'parameters', NEW.parameters);
    IF btrim(NEW.sql_template) = '' THEN
        PERFORM refuse_row('query_templates', 'sql_template', 'must not be empty');
    END IF;

    used_names := query_parameter_names(NEW.sql_template);
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM unnest(used_names) AS name
    WHERE name <> ALL (window_names) AND NOT NEW.parameters ? name;
    IF wrong IS NOT NULL THEN
        PERFORM refuse_row('query_templates', 'parameters', format(
            'sql_template uses %1$L, which has no definition; add one such as'
            ' {"%1$s": {"type": "STRING"}}', wrong
        ));
    END IF;
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM jsonb_object_keys(NEW.parameters) AS name
    WHERE name <> ALL (used_names);
    IF wrong IS NOT NULL THEN
        PERFORM refuse_row('query_templates', 'parameters', format(
            'defines %L, which sql_template does not use; remove it, or write {{%s}} where the'
            ' value belongs', wrong, wrong
        ));
    END IF;
    SELECT MIN(name COLLATE "C") INTO wrong
    FROM unnest(used_names) AS name
    WHERE name = ANY (reserved_names);
    IF wrong IS NOT NULL THEN
        PERFORM refuse_row('query_templates', 'parameters', format(
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


-- What the counters of a guide count. The document names the counters only.
CREATE TABLE build_guide_sections (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    guide_id UUID NOT NULL REFERENCES build_guides(id) ON DELETE CASCADE,
    section_number INTEGER NOT NULL, -- as in user_guide_progress.completed_sections
    title TEXT,
    content TEXT,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    CONSTRAINT chk_guide_section_number CHECK (section_number > 0),
    CONSTRAINT uq_build_guide_sections_number UNIQUE (guide_id, section_number)
        DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE build_guide_queries (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    guide_id UUID NOT NULL REFERENCES build_guides(id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    description TEXT,
    sql_query TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);
CREATE INDEX idx_build_guide_queries_guide_id ON build_guide_queries (guide_id);

CREATE TABLE user_guide_favorites (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    guide_id UUID NOT NULL REFERENCES build_guides(id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    CONSTRAINT uq_user_guide_favorites_user_guide UNIQUE (user_id, guide_id)
);
CREATE INDEX idx_user_guide_favorites_guide_id ON user_guide_favorites (guide_id);

CREATE TRIGGER trigger_touch_build_guide_sections BEFORE UPDATE ON build_guide_sections
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER trigger_touch_build_guide_queries BEFORE UPDATE ON build_guide_queries
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION touch_updated_at();

-- A guide that says how many sections it has gets as many rows, of which nothing else is known: its
-- readers' progress is counted in them. Queries and favourites cannot be made up; those numbers
-- start at what there is.
INSERT INTO build_guide_sections (guide_id, section_number)
SELECT guide.id, number
FROM build_guides AS guide, generate_series(1, guide.section_count) AS number;

SELECT
    install_counter('build_guides', 'section_count', 'build_guide_sections', 'guide_id', 'true'),
    install_counter('build_guides', 'query_count', 'build_guide_queries', 'guide_id', 'true'),
    install_counter('build_guides', 'favorite_count', 'user_guide_favorites', 'guide_id', 'true');


-- Progress follows from completed_sections and the guide's sections. What a guide without sections
-- is about to a reader, only the reader knows: then the row's own words count.
CREATE FUNCTION calculate_guide_progress()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    is_moved BOOLEAN := true; -- by its reader, not because the guide has changed
    is_completed BOOLEAN;
    sections INTEGER;
    done INTEGER;
BEGIN
    -- The lock comes before the count: sections do not come and go meanwhile. An upsert meets its
    -- row later than an UPDATE does, but locks it before the guide as well.
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM user_guide_progress
        WHERE user_id = NEW.user_id AND guide_id = NEW.guide_id FOR UPDATE;
    END IF;
    PERFORM FROM build_guides WHERE id = NEW.guide_id FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' THEN
        is_moved := (NEW.guide_id, NEW.status, NEW.current_section, NEW.completed_sections)
            IS DISTINCT FROM
            (OLD.guide_id, OLD.status, OLD.current_section, OLD.completed_sections);
    END IF;
    NEW.status := COALESCE(NEW.status, 'IN_PROGRESS');
    NEW.current_section := COALESCE(NEW.current_section, 1);
    NEW.completed_sections := COALESCE(NEW.completed_sections, '{}');
    NEW.progress_percentage := COALESCE(NEW.progress_percentage, 0);

    SELECT COUNT(*), COUNT(*) FILTER (WHERE section_number = ANY (NEW.completed_sections))
    INTO sections, done
    FROM build_guide_sections
    WHERE guide_id = NEW.guide_id;

    IF sections > 0 AND NEW.status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED') THEN
        is_completed := done = sections;
        IF NEW.status = 'COMPLETED' AND NOT is_completed
            AND (TG_OP = 'INSERT' OR OLD.status IS DISTINCT FROM 'COMPLETED')
        THEN
            PERFORM refuse_row('user_guide_progress', 'status', format(
                'COMPLETED, but completed_sections has %s of the guide''s %s sections',
                done, sections
            ));
        END IF;
        -- Rounded down: 100 is said only when it is true.
        NEW.progress_percentage := TRUNC(done * 100.0 / sections, 2);
        NEW.status := CASE
            WHEN is_completed THEN 'COMPLETED'
            WHEN done = 0 AND NEW.status = 'NOT_STARTED' THEN 'NOT_STARTED'
            ELSE 'IN_PROGRESS'
        END;
    ELSIF NEW.status = 'COMPLETED' THEN
        NEW.progress_percentage := 100;
    ELSIF NEW.status = 'NOT_STARTED' THEN
        NEW.progress_percentage := 0;
    END IF;

    NEW.completed_at := CASE
        WHEN NEW.status = 'COMPLETED' THEN COALESCE(NEW.completed_at, NOW())
    END;
    NEW.started_at := CASE
        WHEN NEW.status <> 'NOT_STARTED' THEN COALESCE(NEW.started_at, NOW())
    END;
    IF TG_OP = 'UPDATE' AND is_moved AND NEW.last_accessed_at = OLD.last_accessed_at THEN
        NEW.last_accessed_at := NOW();
    END IF;
    NEW.last_accessed_at := COALESCE(NEW.last_accessed_at, NOW());
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_calculate_guide_progress
    BEFORE INSERT OR UPDATE ON user_guide_progress
    FOR EACH ROW
    EXECUTE FUNCTION calculate_guide_progress();

-- Count progress anew where the sections of guides have changed.
CREATE FUNCTION refresh_guide_progress(guides UUID[])
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    -- Readers lock their row before the guide, and so does this.
    PERFORM FROM user_guide_progress WHERE guide_id = ANY (guides) ORDER BY id FOR UPDATE;
    PERFORM FROM build_guides WHERE id = ANY (guides) ORDER BY id FOR NO KEY UPDATE;
    UPDATE user_guide_progress SET status = status WHERE guide_id = ANY (guides);
END;
$$;

-- Named to fire before the counting, which locks the guides.
CREATE FUNCTION carry_guide_progress()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    guides UUID[];
BEGIN
    CASE TG_OP
        WHEN 'INSERT' THEN
            SELECT array_agg(DISTINCT guide_id) INTO guides FROM added;
        WHEN 'DELETE' THEN
            SELECT array_agg(DISTINCT guide_id) INTO guides FROM removed;
        ELSE
            SELECT array_agg(DISTINCT changed.guide_id) INTO guides
            FROM (
                (SELECT id, guide_id, section_number FROM added
                    EXCEPT SELECT id, guide_id, section_number FROM removed)
                UNION ALL
                (SELECT id, guide_id, section_number FROM removed
                    EXCEPT SELECT id, guide_id, section_number FROM added)
            ) AS changed;
    END CASE;
    IF guides IS NOT NULL THEN
        PERFORM refresh_guide_progress(guides);
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_carry_progress_insert
    AFTER INSERT ON build_guide_sections REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION carry_guide_progress();
CREATE TRIGGER trigger_carry_progress_update
    AFTER UPDATE ON build_guide_sections REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION carry_guide_progress();
CREATE TRIGGER trigger_carry_progress_delete
    AFTER DELETE ON build_guide_sections REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION carry_guide_progress();

REVOKE EXECUTE ON FUNCTION refresh_guide_progress(UUID[]) FROM PUBLIC;

-- Rows that are older than this migration. When somebody completed a guide is not known where the
-- row does not say it: the last access is the latest it can have been.
ALTER TABLE user_guide_progress DISABLE TRIGGER trigger_calculate_guide_progress;
UPDATE user_guide_progress SET completed_at = last_accessed_at
WHERE status = 'COMPLETED' AND completed_at IS NULL;
-- Who was told to be done is believed, whatever sections were noted.
UPDATE user_guide_progress AS progress
SET completed_sections = ARRAY(
    SELECT section_number FROM build_guide_sections
    WHERE guide_id = progress.guide_id ORDER BY section_number
)
WHERE status = 'COMPLETED'
    AND EXISTS (SELECT FROM build_guide_sections WHERE guide_id = progress.guide_id);
ALTER TABLE user_guide_progress ENABLE TRIGGER trigger_calculate_guide_progress;
UPDATE user_guide_progress SET status = status;

SELECT install_counter(
    'build_guides', 'completion_count', 'user_guide_progress', 'guide_id', 'status = ''COMPLETED'''
);


-- Guides are written by the application; readers see published ones, and choose their favourites.
ALTER TABLE build_guide_sections ENABLE ROW LEVEL SECURITY;
CREATE POLICY build_guide_sections_read ON build_guide_sections
    FOR SELECT
    USING (EXISTS (
        SELECT FROM build_guides AS guide
        WHERE guide.id = build_guide_sections.guide_id AND guide.is_published
    ));
ALTER TABLE build_guide_queries ENABLE ROW LEVEL SECURITY;
CREATE POLICY build_guide_queries_read ON build_guide_queries
    FOR SELECT
    USING (EXISTS (
        SELECT FROM build_guides AS guide
        WHERE guide.id = build_guide_queries.guide_id AND guide.is_published
    ));
ALTER TABLE user_guide_favorites ENABLE ROW LEVEL SECURITY;
CREATE POLICY guide_favorites_user_access ON user_guide_favorites
    FOR ALL
    USING (user_id = (SELECT auth.uid()))
    WITH CHECK (user_id = (SELECT auth.uid()));

GRANT SELECT ON build_guide_sections, build_guide_queries TO recomamp_analyst;
GRANT SELECT, INSERT, DELETE ON user_guide_favorites TO recomamp_analyst;

-- Whoever may execute one of these may put it on a temporary table of his own (0024).
REVOKE ALL ON FUNCTION
    calculate_guide_progress(),
    carry_guide_progress(),
    check_query_template(),
    date_template_use(),
    refresh_guide_progress(UUID[])
FROM PUBLIC;
