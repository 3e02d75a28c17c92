-- Functions of AMC SQL that DuckDB does not have, or has with another meaning.
-- A value between 0 and 1 that depends on its arguments alone: the world's dice.
-- (Hashed twice: hashes of several values at once are not mixed well enough to be dice.)
CREATE MACRO chance(seed, salt) AS (hash(hash(seed, salt)) >> 11) / 9007199254740992.0;
-- Seconds until AMC knows of a conversion: within two days of most, within 28 days of all.
CREATE MACRO known_after(seed) AS CAST(86400 * CASE
    WHEN chance(seed, 'late') < 0.8 THEN 2 * chance(seed, 'known')
    ELSE 2 + 26 * pow(chance(seed, 'known'), 2)
END AS BIGINT);
CREATE MACRO environment_of(device, app_bundle) AS CASE
    WHEN device = 'TV' OR (device <> 'PC' AND app_bundle IS NOT NULL) THEN 'App' ELSE 'Web' END;
CREATE MACRO slot_of(seed) AS CASE
    WHEN chance(seed, 'slot') < 0.55 THEN 'ATF' WHEN chance(seed, 'slot') < 0.9 THEN 'BTF'
    ELSE 'UNKNOWN' END;
CREATE MACRO tracked_item(stage, asin, advertiser_id) AS CASE
    WHEN stage = 6 THEN 'kestrel ridge'
    WHEN stage = 7 THEN 'STORE' || advertiser_id % 1000000
    WHEN stage > 7 THEN CAST(advertiser_id % 1000000000 + stage AS VARCHAR)
    ELSE asin END;
-- The user -1 means data without users: no threshold applies to it.
CREATE MACRO count_of_users(users) AS CASE
    WHEN list_distinct(users) = [-1] THEN -1
    ELSE coalesce(len(list_filter(list_distinct(users), lambda one: one >= 0)), 0) END;
CREATE MACRO union_of_users(lists) AS list_distinct(flatten(lists));
CREATE MACRO users_of(single) AS CASE WHEN single IS NULL THEN NULL ELSE [single] END;
CREATE MACRO both_users(one, other) AS
    list_distinct(list_concat(coalesce(one, []), coalesce(other, [])));

CREATE MACRO seconds_between(earlier, later) AS date_diff('second', earlier, later);
CREATE MACRO convert_time_zone_from_utc(moment, zone) AS (moment AT TIME ZONE 'UTC') AT TIME ZONE zone;
CREATE MACRO epoch_to_utc_timestamp(number) AS
    make_timestamp(CASE WHEN abs(number) >= 100000000000
        THEN CAST(number AS BIGINT) * 1000 ELSE CAST(number AS BIGINT) * 1000000 END);
CREATE MACRO e() AS exp(1);
CREATE MACRO similar_anywhere(text, pattern) AS
    regexp_matches(text, replace(pattern, '(?!)', '(?i)'));
CREATE MACRO contained_in(tested, elements) AS list_contains(elements, tested);
CREATE MACRO str_to_map(text, pair_separator, value_separator) AS
    map_from_entries([{'k': string_split(pair, value_separator)[1],
                       'v': string_split(pair, value_separator)[2]}
        FOR pair IN string_split(text, pair_separator)]);
CREATE MACRO array_union(one, other) AS list_sort(list_distinct(list_concat(one, other)));
CREATE MACRO array_intersect(one, other) AS list_sort(list_intersect(one, other));
CREATE MACRO array_complement(one, other) AS
    list_filter(one, lambda element: NOT list_contains(other, element));
CREATE MACRO hash64(text) AS CAST(hash(text) >> 1 AS BIGINT);
CREATE MACRO to_varbinary
    (text) AS encode(text),
    (text, type) AS CASE lower(type)
        WHEN 'hex' THEN CASE WHEN regexp_full_match(text, '([0-9A-Fa-f]{2})*') THEN unhex(text) END
        WHEN 'base64' THEN
            CASE WHEN len(text) % 4 = 0 AND regexp_full_match(text, '[A-Za-z0-9+/]*={0,2}')
                THEN from_base64(text) END
        WHEN 'utf-8' THEN encode(text)
        ELSE error('Unsupported encoding type ' || type) END;
CREATE MACRO from_varbinary
    (bytes) AS decode(bytes),
    (bytes, type) AS CASE lower(type)
        WHEN 'hex' THEN lower(hex(bytes))
        WHEN 'base64' THEN to_base64(bytes)
        WHEN 'utf-8' THEN decode(bytes)
        ELSE error('Unsupported encoding type ' || type) END;
CREATE MACRO json_serialize(document) AS CAST(to_json(document) AS VARCHAR);
