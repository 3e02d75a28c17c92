-- A collection has its weeks from the moment it exists, so that its progress is true from the start.

-- The weeks of a range of dates, both ends included: seven days from the first date on, the last week
-- clipped at the last date.
CREATE FUNCTION weeks_of(first_date DATE, last_date DATE)
RETURNS TABLE (week_number INTEGER, week_start_date DATE, week_end_date DATE)
LANGUAGE sql IMMUTABLE
SET search_path = public, pg_temp
AS $$
    SELECT
        number + 1,
        first_date + 7 * number,
        LEAST(first_date + 7 * number + 6, last_date)
    FROM generate_series(0, (last_date - first_date) / 7) AS number;
$$;

-- Make the weeks of a collection those of its dates. Weeks that are there and right stay; only weeks
-- that are PENDING change or go.
CREATE FUNCTION cut_weeks(cut_id UUID, first_date DATE, last_date DATE)
RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    -- Progress is counted once at the end instead of after each of some hundred weeks.
    PERFORM set_config('recomamp.cutting_weeks', cut_id::TEXT, true);

    DELETE FROM report_data_weeks AS week
    WHERE week.collection_id = cut_id
        AND week.status = 'PENDING'
        AND week.week_start_date NOT IN (
            SELECT cut.week_start_date FROM weeks_of(first_date, last_date) AS cut
        );

    INSERT INTO report_data_weeks AS week
        (collection_id, week_number, week_start_date, week_end_date)
    SELECT cut_id, cut.week_number, cut.week_start_date, cut.week_end_date
    FROM weeks_of(first_date, last_date) AS cut
    ON CONFLICT ON CONSTRAINT uq_report_data_weeks_start DO UPDATE
    SET
        week_number = EXCLUDED.week_number,
        week_end_date = EXCLUDED.week_end_date
    WHERE (week.week_number, week.week_end_date)
        IS DISTINCT FROM (EXCLUDED.week_number, EXCLUDED.week_end_date);

    PERFORM set_config('recomamp.cutting_weeks', '', true);
    PERFORM refresh_collection_progress(cut_id);
END;
$$;

CREATE FUNCTION cut_new_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM cut_weeks(NEW.id, NEW.start_date, NEW.end_date);
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_cut_new_collection
    AFTER INSERT ON report_data_collections
    FOR EACH ROW
    EXECUTE FUNCTION cut_new_collection();


-- Dates may change freely while no week has begun. After that the range may only grow at its end, and
-- only where the weeks that have begun keep their dates: their data has been asked for.
CREATE FUNCTION recut_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    moved report_data_weeks%ROWTYPE;
BEGIN
    -- A week being updated right now is about to ask for the lock we hold on the collection. Giving
    -- up at once is better than the deadlock that waiting for the week would be.
    BEGIN
        PERFORM FROM report_data_weeks WHERE collection_id = NEW.id FOR UPDATE NOWAIT;
    EXCEPTION
        WHEN lock_not_available THEN
            PERFORM refuse_row(
                'report_data_collections',
                CASE WHEN NEW.start_date <> OLD.start_date THEN 'start_date' ELSE 'end_date' END,
                'a week of the collection is being run at this moment; try again'
            );
    END;

    IF EXISTS (
        SELECT FROM report_data_weeks WHERE collection_id = NEW.id AND status <> 'PENDING'
    ) THEN
        IF NEW.start_date <> OLD.start_date THEN
            PERFORM refuse_row('report_data_collections', 'start_date', format(
                'cannot change from %s: weeks have already been run; make a new collection',
                OLD.start_date
            ));
        ELSIF NEW.end_date < OLD.end_date THEN
            PERFORM refuse_row('report_data_collections', 'end_date', format(
                'cannot be earlier than %s: weeks have already been run; make a new collection',
                OLD.end_date
            ));
        END IF;

        SELECT week.* INTO moved
        FROM report_data_weeks AS week
        WHERE week.collection_id = NEW.id
            AND week.status <> 'PENDING'
            AND NOT EXISTS (
                SELECT FROM weeks_of(NEW.start_date, NEW.end_date) AS cut
                WHERE cut.week_start_date = week.week_start_date
                    AND cut.week_end_date = week.week_end_date
            )
        ORDER BY week.week_start_date
        LIMIT 1;
        IF FOUND THEN
            PERFORM refuse_row('report_data_collections', 'end_date', format(
                'the week from %s to %s has already been run and would get other dates;'
                ' make a new collection from %s on',
                moved.week_start_date, moved.week_end_date, moved.week_end_date + 1
            ));
        END IF;
    END IF;

    PERFORM cut_weeks(NEW.id, NEW.start_date, NEW.end_date);
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_recut_collection
    AFTER UPDATE OF start_date, end_date ON report_data_collections
    FOR EACH ROW
    WHEN ((OLD.start_date, OLD.end_date) IS DISTINCT FROM (NEW.start_date, NEW.end_date))
    EXECUTE FUNCTION recut_collection();


-- Weeks go on ending during a pause, which hides what that means for the status. At its end the weeks
-- decide again.
CREATE FUNCTION resume_collection()
RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM refresh_collection_progress(NEW.id);
    RETURN NULL;
END;
$$;

CREATE TRIGGER trigger_resume_collection
    AFTER UPDATE OF status ON report_data_collections
    FOR EACH ROW
    WHEN (OLD.status = 'PAUSED' AND NEW.status = 'ACTIVE')
    EXECUTE FUNCTION resume_collection();


-- Collections that are older than this migration and still have to be collected.
SELECT cut_weeks(collection.id, collection.start_date, collection.end_date)
FROM report_data_collections AS collection
WHERE collection.status IN ('ACTIVE', 'PAUSED')
    AND collection.end_date >= collection.start_date
    AND NOT EXISTS (
        SELECT FROM report_data_weeks AS week WHERE week.collection_id = collection.id
    );
