-- Delete old events that are not open, the oldest first, with their deliveries. A limit keeps the
-- locks short. Rows that a user keeps locked are left to a later round.
-- Returns one row: the number of deleted rows.
-- Parameters: before (older ones go), limit (at most so many).
WITH old AS MATERIALIZED (
    SELECT id
    FROM notifications
    WHERE created_at < %(before)s
      AND status NOT IN ('PENDING', 'CLAIMED', 'SENDING')
    ORDER BY created_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
free AS MATERIALIZED (
    SELECT delivery.id
    FROM channel_deliveries AS delivery
    JOIN old ON old.id = delivery.notification_id
    FOR UPDATE OF delivery SKIP LOCKED
),
deleted AS (
    DELETE FROM notifications AS event
    USING old
    WHERE event.id = old.id
      AND NOT EXISTS (
          SELECT FROM channel_deliveries AS delivery
          LEFT JOIN free ON free.id = delivery.id
          WHERE delivery.notification_id = event.id AND free.id IS NULL
      )
    RETURNING event.id
)
SELECT COUNT(*) AS deleted
FROM deleted;
