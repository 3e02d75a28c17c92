-- An event belongs to one user.

-- A row that changes hands may report an event again that it has reported to its earlier owner. By the
-- key of the event alone, the earlier owner's row got the new owner's data, and so did the mail.
CREATE UNIQUE INDEX uq_notifications_event_of_user ON notifications (user_id, event_key);
ALTER TABLE notifications
    -- squawk-ignore ban-drop-constraint -- the next line adds one of the same name
    DROP CONSTRAINT uq_notifications_event,
    ADD CONSTRAINT uq_notifications_event UNIQUE USING INDEX uq_notifications_event_of_user;
COMMENT ON COLUMN notifications.event_key IS
    'Name of the event. An event that is reported again to the same user adds no row. Written by: '
    'queue_notification().';
