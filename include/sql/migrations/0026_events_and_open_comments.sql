-- An event belongs to one user, and a comment without an end is read once.

-- Events -------------------------------------------------------------------------------------------

-- A row that changes hands may report an event again that it has reported to its earlier owner. By the
-- key of the event alone, the earlier owner's row got the new owner's data, and so did the mail.
LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE; -- taken at once, so that nobody waits crosswise
CREATE UNIQUE INDEX uq_notifications_event_of_user ON notifications (user_id, event_key);
ALTER TABLE notifications
    -- squawk-ignore ban-drop-constraint -- the next line adds one of the same name
    DROP CONSTRAINT uq_notifications_event,
    ADD CONSTRAINT uq_notifications_event UNIQUE USING INDEX uq_notifications_event_of_user;
COMMENT ON COLUMN notifications.event_key IS
    'Name of the event. An event that is reported again to the same user adds no row. Written by: '
    'queue_notification().';


-- Comments -----------------------------------------------------------------------------------------

-- A query without its comments, as the pipeline reads it. A comment without an end takes the rest of the
-- query. Otherwise the search for an end would read that rest again from each place that begins one.
CREATE OR REPLACE FUNCTION public.strip_comments(query TEXT)
RETURNS TEXT
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- The token that begins first wins: a quote in a comment opens no string, and the reverse.
    SELECT regexp_replace(
        query,
        '(''(?:[^'']|'''')*'')|"(?:[^"]|"")*"|--[^\n\r]*|/\*(?:[^*]|\*+[^*/])*(?:\*+/|\**$)',
        '\1 ', 'g'
    );
$$;
