-- Generate the ad contacts of the month that starts at $month; a row is a contact.
-- Half of the contacts come from a person's own four tickets: that makes frequency.
INSERT INTO touch
WITH slot AS (
    SELECT
        person.person_no,
        person.activity,
        s.range AS slot_no,
        hash(hash(profile.seed, person.person_no, CAST($month AS DATE), s.range)) AS touch_no,
        hash(hash(profile.seed, person.person_no)) AS own_seed
    FROM person, profile, range(48) AS s
    WHERE person.exposed
),

seen AS (
    SELECT
        *,
        chance(touch_no, 'moment') AS day_part,
        CASE
            WHEN chance(touch_no, 'habit') < 0.5 THEN chance(own_seed, slot_no % 4)
            ELSE chance(touch_no, 'ticket')
        END AS draw
    FROM slot
    WHERE chance(touch_no, 'seen') < activity * 0.8
),

timed AS (
    SELECT
        *,
        CAST($month AS TIMESTAMP) + to_milliseconds(CAST(1000 * 86400 * (
            floor(chance(touch_no, 'day') * $days)
            + (1 + day_part + 0.09 * sin(6.283 * (day_part + 0.3))) % 1
        ) AS BIGINT)) AS shown_at
    FROM seen
)

SELECT
    timed.touch_no,
    timed.person_no,
    ad.ad_no,
    timed.shown_at,
    CASE
        WHEN chance(timed.touch_no, 'click') < ad.click_rate
            THEN timed.shown_at
                + to_milliseconds(CAST(2000 + 58000 * chance(timed.touch_no, 'wait') AS BIGINT))
    END AS clicked_at
FROM timed
JOIN ticket ON ticket.ticket_no = CAST(floor(timed.draw * 1000) AS INTEGER)
JOIN ad ON ad.ad_no = ticket.ad_no
ORDER BY timed.shown_at, timed.touch_no;
