"""A result as AMC has it: CSV parts with the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import duckdb

PARTS = 4
COLUMNS = {
    "campaign_id": "LONG",
    "campaign": "STRING",
    "line_item": "STRING",
    "impressions": "LONG",
    "spend": "DECIMAL",
    "day": "DATE",
    "event_dt": "TIMESTAMP",
    "share": "DOUBLE",
    "is_new": "BOOLEAN",
    "user_segment": "STRING",
}
PRECISION, SCALE = 38, 17
# AMC's word to DuckDB's
TYPES = {
    "LONG": "BIGINT",
    "STRING": "VARCHAR",
    "DECIMAL": f"DECIMAL({PRECISION},{SCALE})",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
}

# Some 150 bytes a row: ids beyond 2^53, every digit of a decimal, NULL and empty text, quotes
_ROWS = """
SELECT
    576460752303423488 + CAST(a % 1000000007 AS BIGINT) AS campaign_id,
    CASE
        WHEN a % 50 = 0 THEN NULL
        WHEN a % 50 = 1 THEN ''
        WHEN a % 10 = 2 THEN 'Spring "sale", region ' || a % 1000
        ELSE 'Campaign ' || a % 5000 || ' prospecting'
    END AS campaign,
    'line item ' || a % 100000 AS line_item,
    CASE WHEN b % 20 > 0 THEN b % 1000000 END AS impressions,
    CASE
        WHEN b % 25 > 0
        THEN CAST(b % 100000000 || '.' || lpad(CAST(a % 100000000000000000 AS VARCHAR), 17, '0')
            AS DECIMAL(38, 17))
    END AS spend,
    DATE '2025-01-06' + CAST(a % 7 AS INTEGER) AS day,
    strftime(
        TIMESTAMP '2025-01-06' + to_milliseconds(CAST(b % 604800000 AS BIGINT)),
        '%Y-%m-%dT%H:%M:%S.%g'
    ) AS event_dt,
    CAST(b % 1000003 AS DOUBLE) / 7 AS share,
    b % 3 = 0 AS is_new,
    substr(md5(CAST(n AS VARCHAR)), 1, 6) AS user_segment
FROM (
    SELECT n, hash(2 * n) AS a, hash(2 * n + 1) AS b FROM range({first}, {last}) AS numbers (n)
)
ORDER BY n
"""


def write_parts(directory: Path, rows: int) -> list[Path]:
    """Write this number of rows as four CSV parts."""
    directory.mkdir(parents=True, exist_ok=True)
    each = rows // PARTS
    paths = [directory / f"part-{number:05d}.csv" for number in range(PARTS)]
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        for number, path in enumerate(paths):
            query = _ROWS.format(first=number * each, last=(number + 1) * each)
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER)")
    return paths


def read_csv(directory: Path) -> str:
    """Return the SQL with which DuckDB reads the parts, with all facts about them."""
    columns = ", ".join(f"'{name}': '{TYPES[kind]}'" for name, kind in COLUMNS.items())
    return (
        f"read_csv('{directory}/part-*.csv', columns = {{{columns}}}, auto_detect = false,"
        " header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
        " allow_quoted_nulls = false)"
    )


def output_columns() -> list[dict[str, object]]:
    """Return the columns as AMC describes them."""
    return [
        {"name": name, "dataType": kind}
        | ({"precision": PRECISION, "scale": SCALE} if kind == "DECIMAL" else {})
        for name, kind in COLUMNS.items()
    ]
