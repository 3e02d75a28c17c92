-- DELETE is a right on a whole table, and PostgreSQL lets its holder run LOCK TABLE in any mode.
-- One SQL login could stop every tenant so. SQL logins call this function instead.

-- A template that workflows of others name stays, whichever way its author deletes it.
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
        PERFORM public.refuse_row('query_templates', 'id', format(
            'workflows of other users were made from template %s; set is_public to false instead'
            ' of deleting it', template
        ));
    END IF;
END;
$$;

CREATE OR REPLACE FUNCTION public.refuse_deleting_used_template()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.refuse_used_template(OLD.id, OLD.author_id);
    RETURN OLD;
END;
$$;

-- As the owner, who passes row level security: each statement asks for the user itself.
CREATE FUNCTION public.delete_own_row(table_name TEXT, row_id UUID)
RETURNS BOOLEAN
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller CONSTANT UUID := public.current_user_id();
BEGIN
    CASE table_name
        WHEN 'workflows' THEN
            DELETE FROM public.workflows WHERE id = row_id AND user_id = caller;
        WHEN 'workflow_schedules' THEN
            DELETE FROM public.workflow_schedules WHERE id = row_id AND user_id = caller;
        WHEN 'report_data_collections' THEN
            DELETE FROM public.report_data_collections WHERE id = row_id AND user_id = caller;
        WHEN 'query_templates' THEN
            -- The table's trigger asks this only where row level security holds.
            PERFORM public.refuse_used_template(id, author_id)
            FROM public.query_templates WHERE id = row_id AND author_id = caller;
            DELETE FROM public.query_templates WHERE id = row_id AND author_id = caller;
        WHEN 'asins' THEN
            DELETE FROM public.asins WHERE id = row_id AND user_id = caller;
        WHEN 'asin_lists' THEN
            DELETE FROM public.asin_lists WHERE id = row_id AND user_id = caller;
        WHEN 'asin_list_items' THEN
            DELETE FROM public.asin_list_items AS item
            USING public.asin_lists AS list
            WHERE item.id = row_id AND list.id = item.list_id AND list.user_id = caller;
        WHEN 'user_guide_progress' THEN
            DELETE FROM public.user_guide_progress WHERE id = row_id AND user_id = caller;
        WHEN 'user_guide_favorites' THEN
            DELETE FROM public.user_guide_favorites WHERE id = row_id AND user_id = caller;
        ELSE
            RAISE EXCEPTION
                'delete_own_row: no rows of % can be deleted; name workflows, workflow_schedules,'
                ' report_data_collections, query_templates, asins, asin_lists, asin_list_items,'
                ' user_guide_progress or user_guide_favorites', COALESCE(table_name, 'NULL')
                USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    RETURN FOUND;
END;
$$;
