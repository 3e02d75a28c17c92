-- What AMC offers to query, and the guides that teach it.

-- Data sources ------------------------------------------------------------------------------------
--
-- All users share amc_data_sources and amc_schema_fields: they hold Amazon's own tables that at
-- least one instance offers. amc_instance_data_sources holds what one instance offers, its
-- advertiser's uploads included, which other users must not see.

CREATE TABLE IF NOT EXISTS amc_data_sources (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT,
    category TEXT NOT NULL, -- impressions, clicks, conversions, etc.

    -- Source Configuration
    table_type TEXT, -- fact, dimension
    data_freshness TEXT, -- How fresh the data is
    grain TEXT, -- Data granularity

    -- Documentation
    documentation_url TEXT,
    example_queries TEXT[],

    -- Status
    is_active BOOLEAN DEFAULT true,
    deprecated_at TIMESTAMPTZ,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);
ALTER TABLE amc_data_sources
    ADD COLUMN first_seen_at TIMESTAMPTZ;

COMMENT ON TABLE amc_data_sources IS
    'A table of Amazon''s that at least one instance offers. All signed-in users read it; the '
    'pipeline inserts the rows.';
COMMENT ON COLUMN amc_data_sources.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN amc_data_sources.name IS
    'Amazon''s dataSourceId, which queries name. Written by: recomamp_schema_sync '
    '(merge_data_sources).';
COMMENT ON COLUMN amc_data_sources.display_name IS
    'Name for display, made from name with the row. Written by: recomamp_schema_sync '
    '(merge_data_sources); application.';
COMMENT ON COLUMN amc_data_sources.description IS
    'Amazon''s description, where it has one. Written by: recomamp_schema_sync '
    '(merge_data_sources); application.';
COMMENT ON COLUMN amc_data_sources.category IS
    'Category for display, made from name with the row. Written by: recomamp_schema_sync '
    '(merge_data_sources); application.';
COMMENT ON COLUMN amc_data_sources.table_type IS
    'fact where a column is a METRIC, else dimension. The pipeline fills it only where it is '
    'NULL. Written by: recomamp_schema_sync (merge_data_sources); application.';
COMMENT ON COLUMN amc_data_sources.data_freshness IS
    'Age of the data. AMC does not tell it. Written by: application.';
COMMENT ON COLUMN amc_data_sources.grain IS
    'Meaning of one row. AMC does not tell it. Written by: application.';
COMMENT ON COLUMN amc_data_sources.documentation_url IS
    'Address of the documentation. AMC does not tell it. Written by: application.';
COMMENT ON COLUMN amc_data_sources.example_queries IS
    'Queries for display. AMC does not tell them. Written by: application.';
COMMENT ON COLUMN amc_data_sources.is_active IS
    'False after the last instance stopped offering the table. Written by: default; '
    'recomamp_schema_sync (merge_data_sources).';
COMMENT ON COLUMN amc_data_sources.deprecated_at IS
    'Time when the last instance stopped offering the table. NULL while one offers it. Written '
    'by: recomamp_schema_sync (merge_data_sources).';
COMMENT ON COLUMN amc_data_sources.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN amc_data_sources.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN amc_data_sources.first_seen_at IS
    'Time when an instance first offered the table. NULL for a row written by hand, which the '
    'pipeline leaves alone. Added by the pipeline. Written by: recomamp_schema_sync '
    '(merge_data_sources).';

CREATE UNIQUE INDEX IF NOT EXISTS idx_amc_data_sources_name ON amc_data_sources(name);
CREATE INDEX IF NOT EXISTS idx_amc_data_sources_category ON amc_data_sources(category);
CREATE INDEX IF NOT EXISTS idx_amc_data_sources_active
    ON amc_data_sources(is_active) WHERE is_active = true;

CREATE TRIGGER trigger_touch_amc_data_sources
    BEFORE UPDATE ON amc_data_sources
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE amc_data_sources ENABLE ROW LEVEL SECURITY;

CREATE TABLE IF NOT EXISTS amc_schema_fields (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),

    -- Foreign Keys
    data_source_id UUID NOT NULL REFERENCES amc_data_sources(id) ON DELETE CASCADE,

    -- Field Definition
    field_name TEXT NOT NULL,
    data_type TEXT NOT NULL, -- STRING, INTEGER, DECIMAL, DATE, TIMESTAMP
    description TEXT,

    -- Field Properties
    is_nullable BOOLEAN DEFAULT true,
    is_primary_key BOOLEAN DEFAULT false,
    is_foreign_key BOOLEAN DEFAULT false,

    -- Field Constraints
    max_length INTEGER,
    valid_values TEXT[], -- For enum-like fields

    -- Documentation
    examples TEXT[],
    notes TEXT,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);
ALTER TABLE amc_schema_fields
    ADD COLUMN column_type TEXT,
    ADD COLUMN sensitivity TEXT,
    ADD COLUMN is_active BOOLEAN NOT NULL DEFAULT TRUE,
    ADD COLUMN deprecated_at TIMESTAMPTZ,
    ADD COLUMN first_seen_at TIMESTAMPTZ;

COMMENT ON TABLE amc_schema_fields IS
    'A column of a table in amc_data_sources. All signed-in users read it; the pipeline inserts '
    'the rows.';
COMMENT ON COLUMN amc_schema_fields.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN amc_schema_fields.data_source_id IS
    'Table that the column belongs to. Written by: recomamp_schema_sync (merge_schema_fields).';
COMMENT ON COLUMN amc_schema_fields.field_name IS
    'Amazon''s name of the column. Written by: recomamp_schema_sync (merge_schema_fields).';
COMMENT ON COLUMN amc_schema_fields.data_type IS
    'Amazon''s data type, or UNKNOWN where it tells none. Written by: recomamp_schema_sync '
    '(merge_schema_fields).';
COMMENT ON COLUMN amc_schema_fields.description IS
    'Amazon''s description. Written by: recomamp_schema_sync (merge_schema_fields).';
COMMENT ON COLUMN amc_schema_fields.is_nullable IS
    'True where the column may be NULL. AMC does not tell it. Written by: default; application.';
COMMENT ON COLUMN amc_schema_fields.is_primary_key IS
    'True for a key. AMC does not tell it. Written by: default; application.';
COMMENT ON COLUMN amc_schema_fields.is_foreign_key IS
    'True for a reference. AMC does not tell it. Written by: default; application.';
COMMENT ON COLUMN amc_schema_fields.max_length IS
    'Largest length. AMC does not tell it. Written by: application.';
COMMENT ON COLUMN amc_schema_fields.valid_values IS
    'Possible values. AMC does not tell them. Written by: application.';
COMMENT ON COLUMN amc_schema_fields.examples IS
    'Values for display. AMC does not tell them. Written by: application.';
COMMENT ON COLUMN amc_schema_fields.notes IS 'Text for display. Written by: application.';
COMMENT ON COLUMN amc_schema_fields.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN amc_schema_fields.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';
COMMENT ON COLUMN amc_schema_fields.column_type IS
    'Amazon''s type of the column: DIMENSION or METRIC. Added by the pipeline. Written by: '
    'recomamp_schema_sync (merge_schema_fields).';
COMMENT ON COLUMN amc_schema_fields.sensitivity IS
    'Amazon''s sensitivity, which decides the aggregation threshold. Added by the pipeline. '
    'Written by: recomamp_schema_sync (merge_schema_fields).';
COMMENT ON COLUMN amc_schema_fields.is_active IS
    'False after the last instance stopped offering the column. Added by the pipeline. Written '
    'by: default; recomamp_schema_sync (merge_schema_fields).';
COMMENT ON COLUMN amc_schema_fields.deprecated_at IS
    'Time when the last instance stopped offering the column. NULL while one offers it. Added by '
    'the pipeline. Written by: recomamp_schema_sync (merge_schema_fields).';
COMMENT ON COLUMN amc_schema_fields.first_seen_at IS
    'Time when an instance first offered the column. NULL for a row written by hand. Added by the '
    'pipeline. Written by: recomamp_schema_sync (merge_schema_fields).';

CREATE INDEX IF NOT EXISTS idx_amc_schema_fields_data_source ON amc_schema_fields(data_source_id);
CREATE INDEX IF NOT EXISTS idx_amc_schema_fields_name ON amc_schema_fields(field_name);
CREATE UNIQUE INDEX IF NOT EXISTS idx_amc_schema_fields_unique
    ON amc_schema_fields(data_source_id, field_name);

CREATE TRIGGER trigger_touch_amc_schema_fields
    BEFORE UPDATE ON amc_schema_fields
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE amc_schema_fields ENABLE ROW LEVEL SECURITY;

CREATE TABLE amc_instance_data_sources (
    instance_id UUID NOT NULL REFERENCES amc_instances(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    is_shared BOOLEAN NOT NULL,
    description TEXT,
    fields JSONB NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    removed_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    PRIMARY KEY (instance_id, name),
    CONSTRAINT chk_instance_data_source_fields CHECK (jsonb_typeof(fields) = 'array')
);

COMMENT ON TABLE amc_instance_data_sources IS
    'A table that one instance offers, uploads included. Its owner reads it; the pipeline inserts '
    'the rows. Table of the pipeline.';
COMMENT ON COLUMN amc_instance_data_sources.instance_id IS
    'AMC instance that offers the table. Written by: recomamp_schema_sync '
    '(merge_instance_data_sources).';
COMMENT ON COLUMN amc_instance_data_sources.name IS
    'Amazon''s dataSourceId, which queries name. Written by: recomamp_schema_sync '
    '(merge_instance_data_sources).';
COMMENT ON COLUMN amc_instance_data_sources.is_shared IS
    'True for Amazon''s own table, false for an upload of an advertiser. Written by: '
    'recomamp_schema_sync (merge_instance_data_sources).';
COMMENT ON COLUMN amc_instance_data_sources.description IS
    'Amazon''s description. Written by: recomamp_schema_sync (merge_instance_data_sources).';
COMMENT ON COLUMN amc_instance_data_sources.fields IS
    'Columns as JSON: name, data_type, column_type, sensitivity and description of each. Written '
    'by: recomamp_schema_sync (merge_instance_data_sources).';
COMMENT ON COLUMN amc_instance_data_sources.first_seen_at IS
    'Time when the instance first offered the table. Written by: recomamp_schema_sync '
    '(merge_instance_data_sources).';
COMMENT ON COLUMN amc_instance_data_sources.removed_at IS
    'Time when the instance stopped offering the table. NULL while it offers it. Written by: '
    'recomamp_schema_sync (merge_instance_data_sources).';
COMMENT ON COLUMN amc_instance_data_sources.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';

CREATE TRIGGER trigger_touch_amc_instance_data_sources
    BEFORE UPDATE ON amc_instance_data_sources
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE amc_instance_data_sources ENABLE ROW LEVEL SECURITY;


-- Guides ------------------------------------------------------------------------------------------
--
-- The document names the counters of a guide only. The three tables hold what they count.

CREATE TABLE IF NOT EXISTS build_guides (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    title TEXT NOT NULL,
    description TEXT,
    category TEXT NOT NULL,

    -- Guide Configuration
    difficulty_level TEXT, -- BEGINNER, INTERMEDIATE, ADVANCED
    estimated_time INTEGER, -- Minutes to complete
    prerequisites TEXT[],

    -- Content Organization
    section_count INTEGER DEFAULT 0,
    query_count INTEGER DEFAULT 0,

    -- Tracking
    completion_count INTEGER DEFAULT 0,
    favorite_count INTEGER DEFAULT 0,

    -- Status
    is_published BOOLEAN DEFAULT true,

    -- Audit Fields
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);
ALTER TABLE build_guides
    ADD CONSTRAINT chk_guide_difficulty_level
        CHECK (difficulty_level IN ('BEGINNER', 'INTERMEDIATE', 'ADVANCED'));

COMMENT ON TABLE build_guides IS 'A guide that teaches queries. The application inserts the rows.';
COMMENT ON COLUMN build_guides.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN build_guides.title IS 'Title for display. Written by: application.';
COMMENT ON COLUMN build_guides.description IS 'Text for display. Written by: application.';
COMMENT ON COLUMN build_guides.category IS 'Category for display. Written by: application.';
COMMENT ON COLUMN build_guides.difficulty_level IS
    'BEGINNER, INTERMEDIATE or ADVANCED. Written by: application.';
COMMENT ON COLUMN build_guides.estimated_time IS
    'Time to complete the guide in minutes. Written by: application.';
COMMENT ON COLUMN build_guides.prerequisites IS
    'Prerequisites for display. Written by: application.';
COMMENT ON COLUMN build_guides.section_count IS
    'Number of rows in build_guide_sections. Written by: default; count_children(); '
    'enforce_counter().';
COMMENT ON COLUMN build_guides.query_count IS
    'Number of rows in build_guide_queries. Written by: default; count_children(); '
    'enforce_counter().';
COMMENT ON COLUMN build_guides.completion_count IS
    'Number of rows in user_guide_progress with the status COMPLETED. Written by: default; '
    'count_children(); enforce_counter().';
COMMENT ON COLUMN build_guides.favorite_count IS
    'Number of rows in user_guide_favorites. Written by: default; count_children(); '
    'enforce_counter().';
COMMENT ON COLUMN build_guides.is_published IS
    'True for a guide that all signed-in users read. Written by: default; application.';
COMMENT ON COLUMN build_guides.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN build_guides.updated_at IS
    'Time of the last change. Progress and favorites of readers do not count. Written by: '
    'default; touch_updated_at().';

CREATE INDEX IF NOT EXISTS idx_build_guides_category ON build_guides(category);
CREATE INDEX IF NOT EXISTS idx_build_guides_difficulty ON build_guides(difficulty_level);
CREATE INDEX IF NOT EXISTS idx_build_guides_published
    ON build_guides(is_published) WHERE is_published = true;

-- A reader's favorite or progress is not a change of the guide.
CREATE TRIGGER trigger_touch_build_guides
    BEFORE UPDATE ON build_guides
    FOR EACH ROW
    WHEN (
        to_jsonb(OLD) - 'completion_count' - 'favorite_count'
        IS DISTINCT FROM to_jsonb(NEW) - 'completion_count' - 'favorite_count'
    )
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE build_guides ENABLE ROW LEVEL SECURITY;

CREATE TABLE build_guide_sections (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    guide_id UUID NOT NULL REFERENCES build_guides(id) ON DELETE CASCADE,
    section_number INTEGER NOT NULL,
    title TEXT,
    content TEXT,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW(),
    CONSTRAINT chk_guide_section_number CHECK (section_number > 0),
    CONSTRAINT uq_build_guide_sections_number UNIQUE (guide_id, section_number)
        DEFERRABLE INITIALLY IMMEDIATE
);

COMMENT ON TABLE build_guide_sections IS
    'A section of a guide. The application inserts the rows. Table of the pipeline.';
COMMENT ON COLUMN build_guide_sections.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN build_guide_sections.guide_id IS
    'Guide that the section belongs to. Written by: application.';
COMMENT ON COLUMN build_guide_sections.section_number IS
    'Number of the section, from 1 on, as in user_guide_progress.completed_sections. Written by: '
    'application.';
COMMENT ON COLUMN build_guide_sections.title IS
    'Title for display. NULL in sections made for a guide that the application had only counted. '
    'Written by: application.';
COMMENT ON COLUMN build_guide_sections.content IS 'Text for display. Written by: application.';
COMMENT ON COLUMN build_guide_sections.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN build_guide_sections.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';

CREATE TRIGGER trigger_touch_build_guide_sections
    BEFORE UPDATE ON build_guide_sections
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE build_guide_sections ENABLE ROW LEVEL SECURITY;

CREATE TABLE build_guide_queries (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    guide_id UUID NOT NULL REFERENCES build_guides(id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    description TEXT,
    sql_query TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);

COMMENT ON TABLE build_guide_queries IS
    'A query of a guide. The application inserts the rows. Table of the pipeline.';
COMMENT ON COLUMN build_guide_queries.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN build_guide_queries.guide_id IS
    'Guide that the query belongs to. Written by: application.';
COMMENT ON COLUMN build_guide_queries.title IS 'Title for display. Written by: application.';
COMMENT ON COLUMN build_guide_queries.description IS 'Text for display. Written by: application.';
COMMENT ON COLUMN build_guide_queries.sql_query IS 'SQL of AMC. Written by: application.';
COMMENT ON COLUMN build_guide_queries.created_at IS 'Time of insertion. Written by: default.';
COMMENT ON COLUMN build_guide_queries.updated_at IS
    'Time of the last change. Written by: default; touch_updated_at().';

CREATE INDEX idx_build_guide_queries_guide_id ON build_guide_queries (guide_id);

CREATE TRIGGER trigger_touch_build_guide_queries
    BEFORE UPDATE ON build_guide_queries
    FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION touch_updated_at();

ALTER TABLE build_guide_queries ENABLE ROW LEVEL SECURITY;

CREATE TABLE user_guide_favorites (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    guide_id UUID NOT NULL REFERENCES build_guides(id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    CONSTRAINT uq_user_guide_favorites_user_guide UNIQUE (user_id, guide_id)
);

COMMENT ON TABLE user_guide_favorites IS
    'A guide that a user marked as a favorite. The user inserts the rows. Table of the pipeline.';
COMMENT ON COLUMN user_guide_favorites.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN user_guide_favorites.user_id IS 'User who marked the guide. Written by: user.';
COMMENT ON COLUMN user_guide_favorites.guide_id IS 'Guide that is a favorite. Written by: user.';
COMMENT ON COLUMN user_guide_favorites.created_at IS 'Time of insertion. Written by: default.';

CREATE INDEX idx_user_guide_favorites_guide_id ON user_guide_favorites (guide_id);

ALTER TABLE user_guide_favorites ENABLE ROW LEVEL SECURITY;

-- A guide of the application that says how many sections it has gets as many rows without words:
-- its readers' progress is counted in them. Queries and favorites start at the rows there are.
INSERT INTO build_guide_sections (guide_id, section_number)
SELECT guide.id, number
FROM build_guides AS guide, generate_series(1, guide.section_count) AS number;

CREATE TRIGGER trigger_count_section_count_insert
    AFTER INSERT ON build_guide_sections REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('section_count');
CREATE TRIGGER trigger_count_section_count_update
    AFTER UPDATE ON build_guide_sections REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('section_count');
CREATE TRIGGER trigger_count_section_count_delete
    AFTER DELETE ON build_guide_sections REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('section_count');
CREATE TRIGGER trigger_count_section_count_truncate
    AFTER TRUNCATE ON build_guide_sections
    FOR EACH STATEMENT EXECUTE FUNCTION reset_counter('section_count');
-- Depth 0: the statement of a user, not that of a trigger.
CREATE TRIGGER trigger_enforce_section_count
    BEFORE INSERT OR UPDATE OF section_count ON build_guides
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION enforce_counter('section_count');
UPDATE build_guides AS parent
SET section_count = counted.number
FROM (
    SELECT candidate.id, COUNT(child.id) AS number
    FROM build_guides AS candidate
    LEFT JOIN build_guide_sections AS child ON child.guide_id = candidate.id
    GROUP BY candidate.id
) AS counted
WHERE parent.id = counted.id AND parent.section_count IS DISTINCT FROM counted.number;

CREATE TRIGGER trigger_count_query_count_insert
    AFTER INSERT ON build_guide_queries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('query_count');
CREATE TRIGGER trigger_count_query_count_update
    AFTER UPDATE ON build_guide_queries REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('query_count');
CREATE TRIGGER trigger_count_query_count_delete
    AFTER DELETE ON build_guide_queries REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('query_count');
CREATE TRIGGER trigger_count_query_count_truncate
    AFTER TRUNCATE ON build_guide_queries
    FOR EACH STATEMENT EXECUTE FUNCTION reset_counter('query_count');
-- Depth 0: the statement of a user, not that of a trigger.
CREATE TRIGGER trigger_enforce_query_count
    BEFORE INSERT OR UPDATE OF query_count ON build_guides
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION enforce_counter('query_count');
UPDATE build_guides AS parent
SET query_count = counted.number
FROM (
    SELECT candidate.id, COUNT(child.id) AS number
    FROM build_guides AS candidate
    LEFT JOIN build_guide_queries AS child ON child.guide_id = candidate.id
    GROUP BY candidate.id
) AS counted
WHERE parent.id = counted.id AND parent.query_count IS DISTINCT FROM counted.number;

CREATE TRIGGER trigger_count_favorite_count_insert
    AFTER INSERT ON user_guide_favorites REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('favorite_count');
CREATE TRIGGER trigger_count_favorite_count_update
    AFTER UPDATE ON user_guide_favorites REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('favorite_count');
CREATE TRIGGER trigger_count_favorite_count_delete
    AFTER DELETE ON user_guide_favorites REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('favorite_count');
CREATE TRIGGER trigger_count_favorite_count_truncate
    AFTER TRUNCATE ON user_guide_favorites
    FOR EACH STATEMENT EXECUTE FUNCTION reset_counter('favorite_count');
-- Depth 0: the statement of a user, not that of a trigger.
CREATE TRIGGER trigger_enforce_favorite_count
    BEFORE INSERT OR UPDATE OF favorite_count ON build_guides
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION enforce_counter('favorite_count');
UPDATE build_guides AS parent
SET favorite_count = counted.number
FROM (
    SELECT candidate.id, COUNT(child.id) AS number
    FROM build_guides AS candidate
    LEFT JOIN user_guide_favorites AS child ON child.guide_id = candidate.id
    GROUP BY candidate.id
) AS counted
WHERE parent.id = counted.id AND parent.favorite_count IS DISTINCT FROM counted.number;


-- Progress of readers -----------------------------------------------------------------------------
--
-- The document's overview once calls this table build_guide_progress, its definition does not.

CREATE TABLE IF NOT EXISTS user_guide_progress (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),

    -- Foreign Keys
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    guide_id UUID NOT NULL REFERENCES build_guides(id) ON DELETE CASCADE,

    -- Progress Tracking
    current_section INTEGER DEFAULT 1,
    completed_sections INTEGER[] DEFAULT '{}',
    progress_percentage DECIMAL(5,2) DEFAULT 0,

    -- Status
    status TEXT DEFAULT 'IN_PROGRESS', -- NOT_STARTED, IN_PROGRESS, COMPLETED

    -- Timing
    started_at TIMESTAMPTZ DEFAULT NOW(),
    completed_at TIMESTAMPTZ,
    last_accessed_at TIMESTAMPTZ DEFAULT NOW()
);
ALTER TABLE user_guide_progress
    ADD CONSTRAINT chk_guide_progress_status
        CHECK (status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED')),
    ADD CONSTRAINT chk_guide_progress_percentage
        CHECK (progress_percentage >= 0 AND progress_percentage <= 100);

COMMENT ON TABLE user_guide_progress IS
    'The progress of a user in a guide. The user inserts the rows.';
COMMENT ON COLUMN user_guide_progress.id IS 'Primary key. Written by: default.';
COMMENT ON COLUMN user_guide_progress.user_id IS 'User who reads the guide. Written by: user.';
COMMENT ON COLUMN user_guide_progress.guide_id IS 'Guide that is read. Written by: user.';
COMMENT ON COLUMN user_guide_progress.current_section IS
    'Section that the user reads now. NULL becomes 1. Written by: default; user; '
    'calculate_guide_progress().';
COMMENT ON COLUMN user_guide_progress.completed_sections IS
    'Numbers of the sections that the user has completed. NULL becomes an empty array. Written '
    'by: default; user; calculate_guide_progress().';
COMMENT ON COLUMN user_guide_progress.progress_percentage IS
    'Share of completed sections in percent, rounded down. The user''s own value counts for a '
    'guide without sections. Written by: default; user; calculate_guide_progress().';
COMMENT ON COLUMN user_guide_progress.status IS
    'NOT_STARTED, IN_PROGRESS or COMPLETED. The user''s own value counts for a guide without '
    'sections. Written by: default; user; calculate_guide_progress().';
COMMENT ON COLUMN user_guide_progress.started_at IS
    'Time when the user started: the value given, else the time of the statement. Written by: '
    'default; user; calculate_guide_progress().';
COMMENT ON COLUMN user_guide_progress.completed_at IS
    'Time when the user completed the guide. A new section makes it NULL again. Written by: user; '
    'calculate_guide_progress().';
COMMENT ON COLUMN user_guide_progress.last_accessed_at IS
    'Time when the user last read the guide: the value given, else the time of the statement. '
    'Written by: default; user; calculate_guide_progress().';

CREATE UNIQUE INDEX IF NOT EXISTS idx_user_guide_progress_unique
    ON user_guide_progress(user_id, guide_id);
CREATE INDEX IF NOT EXISTS idx_user_guide_progress_user ON user_guide_progress(user_id);
CREATE INDEX IF NOT EXISTS idx_user_guide_progress_guide ON user_guide_progress(guide_id);

ALTER TABLE user_guide_progress ENABLE ROW LEVEL SECURITY;

-- Rows of the application. Where completed_at is missing, the last access is the latest it can be.
UPDATE user_guide_progress SET completed_at = last_accessed_at
WHERE status = 'COMPLETED' AND completed_at IS NULL;
-- A reader whom the application called done has read all sections, whatever the row says.
UPDATE user_guide_progress AS progress
SET completed_sections = ARRAY(
    SELECT section_number FROM build_guide_sections
    WHERE guide_id = progress.guide_id ORDER BY section_number
)
WHERE status = 'COMPLETED'
    AND EXISTS (SELECT FROM build_guide_sections WHERE guide_id = progress.guide_id);

-- Progress follows from completed_sections and the guide's sections. For a guide without sections
-- the reader's own status counts.
CREATE FUNCTION public.calculate_guide_progress()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_moved BOOLEAN := true; -- the reader changed it, not the guide
    is_completed BOOLEAN;
    sections INTEGER;
    done INTEGER;
BEGIN
    -- The lock comes before the count: sections do not change meanwhile. An upsert locks its row
    -- before the guide, as an UPDATE does.
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM public.user_guide_progress
        WHERE user_id = NEW.user_id AND guide_id = NEW.guide_id FOR UPDATE;
    END IF;
    PERFORM FROM public.build_guides WHERE id = NEW.guide_id FOR NO KEY UPDATE;
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
    FROM public.build_guide_sections
    WHERE guide_id = NEW.guide_id;

    IF sections > 0 AND NEW.status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED') THEN
        is_completed := done = sections;
        IF NEW.status = 'COMPLETED' AND NOT is_completed
            AND (TG_OP = 'INSERT' OR OLD.status IS DISTINCT FROM 'COMPLETED')
        THEN
            PERFORM public.raise_invalid_row('user_guide_progress', 'status', format(
                'COMPLETED, but completed_sections has %s of the guide''s %s sections',
                done, sections
            ));
        END IF;
        -- Rounded down: only a complete guide has 100.
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
UPDATE user_guide_progress SET status = status;

CREATE TRIGGER trigger_count_completion_count_insert
    AFTER INSERT ON user_guide_progress REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('completion_count');
CREATE TRIGGER trigger_count_completion_count_update
    AFTER UPDATE ON user_guide_progress REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('completion_count');
CREATE TRIGGER trigger_count_completion_count_delete
    AFTER DELETE ON user_guide_progress REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_children('completion_count');
CREATE TRIGGER trigger_count_completion_count_truncate
    AFTER TRUNCATE ON user_guide_progress
    FOR EACH STATEMENT EXECUTE FUNCTION reset_counter('completion_count');
-- Depth 0: the statement of a user, not that of a trigger.
CREATE TRIGGER trigger_enforce_completion_count
    BEFORE INSERT OR UPDATE OF completion_count ON build_guides
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION enforce_counter('completion_count');
UPDATE build_guides AS parent
SET completion_count = counted.number
FROM (
    SELECT candidate.id, COUNT(child.id) AS number
    FROM build_guides AS candidate
    LEFT JOIN user_guide_progress AS child
        ON child.guide_id = candidate.id AND child.status = 'COMPLETED'
    GROUP BY candidate.id
) AS counted
WHERE parent.id = counted.id AND parent.completion_count IS DISTINCT FROM counted.number;

-- Count progress again after the sections of guides have changed.
CREATE FUNCTION public.refresh_guide_progress(guides UUID[])
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The progress is locked before the guide, as a reader's statement does.
    PERFORM FROM public.user_guide_progress WHERE guide_id = ANY (guides) ORDER BY id FOR UPDATE;
    PERFORM FROM public.build_guides WHERE id = ANY (guides) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.user_guide_progress SET status = status WHERE guide_id = ANY (guides);
END;
$$;

-- The names of these triggers sort before trigger_count_…, which locks the guides.
CREATE FUNCTION public.recalculate_guide_progress()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
        PERFORM public.refresh_guide_progress(guides);
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_calculate_progress_insert
    AFTER INSERT ON build_guide_sections REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION recalculate_guide_progress();
CREATE TRIGGER trigger_calculate_progress_update
    AFTER UPDATE ON build_guide_sections REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION recalculate_guide_progress();
CREATE TRIGGER trigger_calculate_progress_delete
    AFTER DELETE ON build_guide_sections REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION recalculate_guide_progress();
