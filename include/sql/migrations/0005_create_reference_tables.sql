-- What AMC offers to query, and the guides that teach it. The progress table is user_guide_progress;
-- the document's overview calls it build_guide_progress once, its definition does not.

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

CREATE UNIQUE INDEX IF NOT EXISTS idx_amc_data_sources_name ON amc_data_sources(name);
CREATE INDEX IF NOT EXISTS idx_amc_data_sources_category ON amc_data_sources(category);
CREATE INDEX IF NOT EXISTS idx_amc_data_sources_active
    ON amc_data_sources(is_active) WHERE is_active = true;

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

CREATE INDEX IF NOT EXISTS idx_amc_schema_fields_data_source ON amc_schema_fields(data_source_id);
CREATE INDEX IF NOT EXISTS idx_amc_schema_fields_name ON amc_schema_fields(field_name);
CREATE UNIQUE INDEX IF NOT EXISTS idx_amc_schema_fields_unique
    ON amc_schema_fields(data_source_id, field_name);

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

CREATE INDEX IF NOT EXISTS idx_build_guides_category ON build_guides(category);
CREATE INDEX IF NOT EXISTS idx_build_guides_difficulty ON build_guides(difficulty_level);
CREATE INDEX IF NOT EXISTS idx_build_guides_published
    ON build_guides(is_published) WHERE is_published = true;

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

CREATE UNIQUE INDEX IF NOT EXISTS idx_user_guide_progress_unique
    ON user_guide_progress(user_id, guide_id);
CREATE INDEX IF NOT EXISTS idx_user_guide_progress_user ON user_guide_progress(user_id);
CREATE INDEX IF NOT EXISTS idx_user_guide_progress_guide ON user_guide_progress(guide_id);
