-- Counters kept by triggers, and the first that is: asin_lists.asin_count. The places of a list's
-- items, and what the pipeline finds out about products. Why counters are kept like this:
-- docs/adr/0015.

-- Add to the parents what a statement changed about their children. One statement is one change of
-- each parent, however many children it has touched; a parent whose number stays is not locked.
--
-- Arguments of the trigger: table and counter of the parent, the child's column that names the
-- parent, and the condition under which a child counts. Transition tables: added, removed.
CREATE FUNCTION count_children()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    parent_table TEXT := TG_ARGV[0];
    counter TEXT := TG_ARGV[1];
    parent_column TEXT := TG_ARGV[2];
    condition TEXT := TG_ARGV[3];
    plus TEXT := format('SELECT %I AS id, 1 AS one FROM added WHERE %s', parent_column, condition);
    minus TEXT := format(
        'SELECT %I AS id, -1 AS one FROM removed WHERE %s', parent_column, condition
    );
    changes TEXT := CASE TG_OP
        WHEN 'INSERT' THEN plus
        WHEN 'DELETE' THEN minus
        ELSE plus || ' UNION ALL ' || minus
    END;
    ids UUID[];
    numbers BIGINT[];
BEGIN
    EXECUTE format(
        'SELECT array_agg(id), array_agg(number) FROM ('
        '    SELECT id, SUM(one) AS number FROM (%s) AS change'
        '    WHERE id IS NOT NULL GROUP BY id HAVING SUM(one) <> 0'
        ') AS difference',
        changes
    ) INTO ids, numbers;
    IF ids IS NULL THEN
        RETURN NULL;
    END IF;

    -- In the order of their ids, so that two statements about the same parents cannot wait for each
    -- other. NO KEY: a foreign-key check of a concurrent new child must not be waited for.
    EXECUTE format(
        'SELECT FROM %I WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE', parent_table
    ) USING ids;
    EXECUTE format(
        'UPDATE %1$I AS parent SET %2$I = COALESCE(parent.%2$I, 0) + difference.number'
        ' FROM unnest($1, $2) AS difference (id, number) WHERE parent.id = difference.id',
        parent_table, counter
    ) USING ids, numbers;
    RETURN NULL;
END;
$$;

-- TRUNCATE shows no rows, but leaves none either.
CREATE FUNCTION forget_children()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    EXECUTE format('UPDATE %1$I SET %2$I = 0 WHERE %2$I <> 0', TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END;
$$;

-- Whoever writes a counter by hand gets the number that is true. The row is locked already, so no
-- difference of another transaction can come between.
--
-- Arguments of the trigger: the counter, the table of the children, their column that names the
-- parent, the condition under which a child counts.
CREATE FUNCTION keep_counter()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    number BIGINT;
BEGIN
    EXECUTE format(
        'SELECT COUNT(*) FROM %I WHERE %I = $1 AND %s', TG_ARGV[1], TG_ARGV[2], TG_ARGV[3]
    ) INTO number USING NEW.id;
    RETURN jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], number));
END;
$$;

-- Have a counter kept from here on, and count what is there already. For migrations.
CREATE FUNCTION install_counter(
    parent_table TEXT, counter TEXT, child_table TEXT, parent_column TEXT, condition TEXT
)
RETURNS VOID
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    event RECORD;
BEGIN
    FOR event IN
        SELECT *
        FROM (VALUES
            ('insert', 'REFERENCING NEW TABLE AS added'),
            ('update', 'REFERENCING NEW TABLE AS added OLD TABLE AS removed'),
            ('delete', 'REFERENCING OLD TABLE AS removed')
        ) AS event (verb, tables)
    LOOP
        EXECUTE format(
            'CREATE TRIGGER %I AFTER %s ON %I %s FOR EACH STATEMENT'
            ' EXECUTE FUNCTION count_children(%L, %L, %L, %L)',
            'trigger_count_' || counter || '_' || event.verb, upper(event.verb), child_table,
            event.tables, parent_table, counter, parent_column, condition
        );
    END LOOP;
    EXECUTE format(
        'CREATE TRIGGER %I AFTER TRUNCATE ON %I FOR EACH STATEMENT'
        ' EXECUTE FUNCTION forget_children(%L, %L)',
        'trigger_count_' || counter || '_truncate', child_table, parent_table, counter
    );

    -- Depth 0: the statement of a user, not that of a trigger.
    EXECUTE format(
        'CREATE TRIGGER %I BEFORE INSERT OR UPDATE OF %I ON %I FOR EACH ROW'
        ' WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION keep_counter(%L, %L, %L, %L)',
        'trigger_keep_' || counter, counter, parent_table,
        counter, child_table, parent_column, condition
    );
    EXECUTE format(
        'UPDATE %1$I AS parent SET %2$I = counted.number'
        ' FROM ('
        '    SELECT candidate.id, COUNT(child.*) AS number'
        '    FROM %1$I AS candidate'
        '    LEFT JOIN (SELECT * FROM %3$I WHERE %5$s) AS child ON child.%4$I = candidate.id'
        '    GROUP BY candidate.id'
        ' ) AS counted'
        ' WHERE parent.id = counted.id AND parent.%2$I IS DISTINCT FROM counted.number',
        parent_table, counter, child_table, parent_column, condition
    );
END;
$$;

REVOKE EXECUTE ON FUNCTION install_counter(TEXT, TEXT, TEXT, TEXT, TEXT) FROM PUBLIC;

SELECT install_counter('asin_lists', 'asin_count', 'asin_list_items', 'list_id', 'true');


-- A list's items have places of their own, from 0 on. Gaps are left where items go: to close them
-- would rewrite the rest of the list each time. Lists whose places are already told apart keep
-- them; the others are numbered in the order that they have shown so far.
UPDATE asin_list_items AS item
SET position = placed.position
FROM (
    SELECT
        id,
        ROW_NUMBER() OVER (PARTITION BY list_id ORDER BY position, added_at, id) - 1 AS position
    FROM asin_list_items
    WHERE list_id IN (
        SELECT list_id
        FROM asin_list_items
        GROUP BY list_id
        HAVING COUNT(*) > COUNT(DISTINCT position) OR MIN(position) < 0
    )
) AS placed
WHERE item.id = placed.id AND item.position <> placed.position;

ALTER TABLE asin_list_items
    ADD CONSTRAINT chk_asin_list_item_position CHECK (position >= 0);

-- Give a new item its place: the one it asks for where that is free, else the end. 0 is the
-- column's default, so it asks for nothing. An item that moves to another list goes to its end.
CREATE FUNCTION place_asin_list_item()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    -- The lock comes before the look, so that of two items inserted at once the second sees the
    -- first. Which lists the statement's other rows are about is not known yet. So all lists of the
    -- owner are locked, in the order of their ids: else two statements that fill two lists, each
    -- beginning with another one, would wait for each other.
    IF TG_OP = 'UPDATE' THEN
        PERFORM FROM asin_lists
        WHERE user_id IN (
            SELECT user_id FROM asin_lists WHERE id IN (OLD.list_id, NEW.list_id)
        )
        ORDER BY id FOR NO KEY UPDATE;
        IF NEW.position = OLD.position THEN
            NEW.position := 0;
        END IF;
    ELSE
        -- In the order in which deleting a product takes them, and changing an item.
        PERFORM FROM asins WHERE id = NEW.asin_id FOR KEY SHARE;
        PERFORM FROM asin_list_items
        WHERE list_id = NEW.list_id AND asin_id = NEW.asin_id FOR UPDATE;
        PERFORM FROM asin_lists
        WHERE user_id = (SELECT user_id FROM asin_lists WHERE id = NEW.list_id)
        ORDER BY id FOR NO KEY UPDATE;
        -- It is in the list already: either refused, or the position of an upsert, which stays.
        IF EXISTS (
            SELECT FROM asin_list_items WHERE list_id = NEW.list_id AND asin_id = NEW.asin_id
        ) THEN
            NEW.position := COALESCE(NEW.position, 0);
            RETURN NEW;
        END IF;
    END IF;

    IF COALESCE(NEW.position, 0) = 0 OR EXISTS (
        SELECT FROM asin_list_items WHERE list_id = NEW.list_id AND position = NEW.position
    ) THEN
        SELECT COALESCE(MAX(position) + 1, 0) INTO NEW.position
        FROM asin_list_items
        WHERE list_id = NEW.list_id;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_place_new_asin_list_item
    BEFORE INSERT ON asin_list_items
    FOR EACH ROW
    EXECUTE FUNCTION place_asin_list_item();
CREATE TRIGGER trigger_place_moved_asin_list_item
    BEFORE UPDATE OF list_id ON asin_list_items
    FOR EACH ROW
    WHEN (OLD.list_id IS DISTINCT FROM NEW.list_id)
    EXECUTE FUNCTION place_asin_list_item();

-- Refuse two items in one place once the statement is done, so that one UPDATE may exchange places.
-- A unique constraint that can wait would do it too, but makes ON CONFLICT DO NOTHING an error. New
-- items need no such look: their place was free when the list was locked.
CREATE FUNCTION tell_asin_list_items_apart()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    lists UUID[];
    shared RECORD;
BEGIN
    SELECT array_agg(DISTINCT placed.list_id) INTO lists
    FROM (
        SELECT id, list_id, position FROM added
        EXCEPT
        SELECT id, list_id, position FROM removed
    ) AS placed;
    IF lists IS NULL THEN
        RETURN NULL;
    END IF;

    -- The lists change with their order; a lock alone would not stop a transaction whose snapshot
    -- is older than the order it is about to change.
    PERFORM FROM asin_lists WHERE id = ANY (lists) ORDER BY id FOR NO KEY UPDATE;
    UPDATE asin_lists SET updated_at = NOW() WHERE id = ANY (lists);
    SELECT item.list_id, item.position INTO shared
    FROM asin_list_items AS item
    WHERE item.list_id = ANY (lists)
    GROUP BY item.list_id, item.position
    HAVING COUNT(*) > 1
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'asin_list_items.position: two items of list % are in place %',
            shared.list_id, shared.position
            USING ERRCODE = 'unique_violation', TABLE = 'asin_list_items', COLUMN = 'position';
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_tell_asin_list_items_apart
    AFTER UPDATE ON asin_list_items
    REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT
    EXECUTE FUNCTION tell_asin_list_items_apart();


-- What Amazon says of a product. last_validated_at is when it last knew the ASIN; that it was asked
-- and did not know it is kept as well, and is no proof that there is no such product.
ALTER TABLE asins
    ADD COLUMN validation_status TEXT, -- FOUND, NOT_FOUND; NULL: not asked yet
    ADD COLUMN validation_checked_at TIMESTAMPTZ,
    ADD COLUMN profile_id TEXT, -- the advertising profile that knows it: price and rank are its
    ADD COLUMN price_currency TEXT,
    ADD CONSTRAINT chk_asin_validation_status CHECK (validation_status IN ('FOUND', 'NOT_FOUND'));

-- What was found out about one ASIN says nothing of another one.
CREATE FUNCTION forget_validation()
RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    NEW.validation_status := NULL;
    NEW.validation_checked_at := NULL;
    NEW.last_validated_at := NULL;
    NEW.profile_id := NULL;
    RETURN NEW;
END;
$$;

CREATE TRIGGER trigger_forget_validation
    BEFORE UPDATE OF asin ON asins
    FOR EACH ROW
    WHEN (OLD.asin IS DISTINCT FROM NEW.asin)
    EXECUTE FUNCTION forget_validation();

-- A check that finds nothing new dates the row, and does not count as a change of it.
DROP TRIGGER trigger_touch_asins ON asins;
CREATE TRIGGER trigger_touch_asins
    BEFORE UPDATE ON asins
    FOR EACH ROW
    WHEN (
        to_jsonb(OLD) - 'last_validated_at' - 'validation_checked_at'
        IS DISTINCT FROM to_jsonb(NEW) - 'last_validated_at' - 'validation_checked_at'
    )
    EXECUTE FUNCTION touch_updated_at();

-- The pipeline asks about the products that were not asked about for longest.
CREATE INDEX idx_asins_to_validate
    ON asins (user_id, validation_checked_at) WHERE is_active = true;

-- What no call to Amazon gives is the user's, and the pipeline has no right to change it.
GRANT SELECT (
    id, asin, user_id, title, brand, category, image_url, price, price_currency, sales_rank,
    is_active, profile_id, validation_status, validation_checked_at, last_validated_at
) ON asins TO recomamp_pipeline;
GRANT UPDATE (
    title, brand, category, image_url, price, price_currency, sales_rank, profile_id,
    validation_status, validation_checked_at, last_validated_at, updated_at
) ON asins TO recomamp_pipeline;
CREATE POLICY asins_pipeline_access ON asins
    FOR ALL TO recomamp_pipeline
    USING (true)
    WITH CHECK (true);

-- Whoever may execute one of these may put it on a temporary table of his own (0024).
REVOKE ALL ON FUNCTION
    count_children(),
    forget_children(),
    keep_counter(),
    place_asin_list_item(),
    tell_asin_list_items_apart()
FROM PUBLIC;
