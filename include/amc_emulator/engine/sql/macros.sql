-- Functions of AMC SQL that DuckDB does not have, or has with another meaning.
-- A value between 0 and 1 that depends on its arguments alone: the world's dice.
-- (Hashed twice: hashes of several values at once are not mixed well enough to be dice.)
CREATE MACRO chance(seed, salt) AS (hash(hash(seed, salt)) >> 11) / 9007199254740992.0;
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
CREATE MACRO to_varbinary(text) AS encode(text);
CREATE MACRO from_varbinary(bytes) AS decode(bytes);
CREATE MACRO json_serialize(document) AS CAST(to_json(document) AS VARCHAR);
