-- Add a query template to the library.
-- Parameters: the columns.
INSERT INTO query_templates (
    id,
    name,
    description,
    category,
    sql_template,
    parameters,
    tags,
    difficulty_level,
    estimated_runtime,
    is_official,
    is_public
)
VALUES (
    %(id)s,
    %(name)s,
    %(description)s,
    %(category)s,
    %(sql_template)s,
    %(parameters)s,
    %(tags)s,
    %(difficulty_level)s,
    %(estimated_runtime)s,
    %(is_official)s,
    true
);
