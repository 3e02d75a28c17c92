-- What is public is for signed-in users, without the ids of its owner.

ALTER TABLE query_templates ALTER COLUMN is_public SET DEFAULT false;

DROP POLICY IF EXISTS query_templates_public_read ON query_templates;
DROP POLICY IF EXISTS asin_lists_public_read ON asin_lists;
DROP POLICY IF EXISTS asin_list_items_public_read ON asin_list_items;

-- These read with their owner's rights, past the policies of the tables. A barrier: no condition of the
-- reader is tried on rows that are not public.
CREATE VIEW public_query_templates WITH (security_barrier = true) AS
SELECT
    template.id,
    template.name,
    template.description,
    template.category,
    template.sql_template,
    template.parameters,
    template.tags,
    template.difficulty_level,
    template.estimated_runtime,
    template.usage_count,
    template.last_used_at,
    template.is_official,
    template.created_at,
    template.updated_at
FROM query_templates AS template
WHERE template.is_public AND (SELECT public.current_user_id()) IS NOT NULL;

CREATE VIEW public_asin_lists WITH (security_barrier = true) AS
SELECT
    list.id,
    list.name,
    list.description,
    list.category,
    list.tags,
    list.asin_count,
    list.created_at,
    list.updated_at
FROM asin_lists AS list
WHERE list.is_public AND (SELECT public.current_user_id()) IS NOT NULL;

-- The ASIN itself: the product it names is its owner's, with notes and tags.
CREATE VIEW public_asin_list_items WITH (security_barrier = true) AS
SELECT
    item.id,
    item.list_id,
    item.position,
    product.asin,
    item.added_at
FROM asin_list_items AS item
JOIN asin_lists AS list ON list.id = item.list_id
JOIN asins AS product ON product.id = item.asin_id
WHERE list.is_public AND (SELECT public.current_user_id()) IS NOT NULL;

-- What all users share.
ALTER POLICY data_sources_read ON amc_data_sources USING ((SELECT public.current_user_id()) IS NOT NULL);
ALTER POLICY schema_fields_read ON amc_schema_fields USING ((SELECT public.current_user_id()) IS NOT NULL);
ALTER POLICY build_guides_read ON build_guides
    USING (is_published AND (SELECT public.current_user_id()) IS NOT NULL);
ALTER POLICY build_guide_sections_read ON build_guide_sections
    USING ((SELECT public.current_user_id()) IS NOT NULL AND EXISTS (
        SELECT FROM build_guides AS guide
        WHERE guide.id = build_guide_sections.guide_id AND guide.is_published
    ));
ALTER POLICY build_guide_queries_read ON build_guide_queries
    USING ((SELECT public.current_user_id()) IS NOT NULL AND EXISTS (
        SELECT FROM build_guides AS guide
        WHERE guide.id = build_guide_queries.guide_id AND guide.is_published
    ));


-- A workflow names a template of its owner's, or a public one. The message is the same for another user's
-- template and for a missing one. A template that becomes private later stays named where it was used.
CREATE FUNCTION check_workflow_template()
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
        -- The workflow goes to another user, and the template is the old owner's.
        NEW.template_id := NULL;
        RETURN NEW;
    END IF;
    PERFORM public.refuse_row('workflows', 'template_id', format(
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

-- Deleting a template takes it from the workflows that name it, and so locks them. Those of other
-- users are not the author's to lock: a template that they use can be made private, not deleted.
-- The owner of the database and the application's server may delete it.
CREATE FUNCTION refuse_deleting_used_template()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.workflows
        WHERE template_id = OLD.id AND user_id IS DISTINCT FROM OLD.author_id
    ) THEN
        PERFORM public.refuse_row('query_templates', 'id', format(
            'workflows of other users were made from template %s; set is_public to false instead'
            ' of deleting it', OLD.id
        ));
    END IF;
    RETURN OLD;
END;
$$;

CREATE TRIGGER trigger_refuse_deleting_used_template
    BEFORE DELETE ON query_templates
    FOR EACH ROW
    WHEN (row_security_active('public.query_templates')) -- of the role of the statement
    EXECUTE FUNCTION refuse_deleting_used_template();
