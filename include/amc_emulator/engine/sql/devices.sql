-- What is to be known of each device that a person may hold.
INSERT INTO device
WITH held AS (
    SELECT
        person_no,
        user_id,
        kinds.device_type,
        CASE kinds.device_type
            WHEN 'PC' THEN 'Windows' WHEN 'TV' THEN 'Fire OS'
            ELSE CASE WHEN person_no % 5 < 2 THEN 'iOS' ELSE 'Android' END
        END AS operating_system,
        person_no % 3 = 0 AS is_old
    FROM person, (VALUES ('PC'), ('TV'), ('Phone'), ('Tablet')) AS kinds (device_type)
)
SELECT
    person_no,
    device_type,
    upper(md5(user_id || device_type)) AS device_id,
    operating_system,
    CASE operating_system
        WHEN 'Windows' THEN CASE WHEN is_old THEN '10' ELSE '11' END
        WHEN 'Fire OS' THEN CASE WHEN is_old THEN '7.6.8' ELSE '8.1.2' END
        WHEN 'iOS' THEN CASE WHEN is_old THEN '16.7.2' ELSE '17.5.1' END
        ELSE CASE WHEN is_old THEN '13' ELSE '14' END
    END AS os_version,
    CASE operating_system WHEN 'Fire OS' THEN 'Amazon' WHEN 'iOS' THEN 'Apple'
        WHEN 'Android' THEN 'Samsung' END AS device_make,
    CASE operating_system
        WHEN 'Fire OS' THEN 'AFTMM'
        WHEN 'iOS' THEN CASE device_type WHEN 'Tablet' THEN 'iPad' ELSE 'iPhone' END
        WHEN 'Android' THEN CASE device_type WHEN 'Tablet' THEN 'GALAXY TAB' ELSE 'GALAXY' END
    END AS device_model,
    CASE person_no % 4 WHEN 0 THEN 'Safari' WHEN 1 THEN 'Firefox' ELSE 'Chrome' END
        AS browser_family
FROM held;
