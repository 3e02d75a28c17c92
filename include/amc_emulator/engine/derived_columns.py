"""Columns of a documented table, derived from the columns of its base view.

A base view (`sql/views/*.sql`) has one column for each fact. Amazon has many variants of it: dates,
hours, local times, promoted and brand-halo metrics. They follow by rule. A metric without a base
column is 0, a dimension without one is NULL.
"""

from __future__ import annotations

import re

from amc_emulator.engine.catalogue import TableColumn

CONSTANTS = {
    "no_3p_trackers": "FALSE",
    "line_item_status": "'ENABLED'",
    "creative_is_link_in": "'Y'",
    "campaign_source": "'ADS_API'",
    "demand_channel": "'AMAZON'",
    "demand_channel_owner": "'AMAZON'",
}
RENAMED = {"campaign_primary_goal": "campaign_goal"}
TIME = re.compile(r"(?P<event>.+?_)?(?P<part>dt|dt_hour|date|day|hour|month)(?P<utc>_utc)?")
FLIGHT = re.compile(
    r"(campaign|line_item|ad_group|package|placement)_(?P<end>start|end)_(date|dt)(_utc)?"
)
CREDIT = re.compile(
    r"(?P<new>new_to_brand_)?(?P<scope>brand_halo_|total_)?"
    r"(?P<metric>add_to_cart|detail_page_view|purchases|units_sold|product_sales)"
    r"(?P<credit>_clicks|_views)?"
)
SCOPES = {None: "promoted", "brand_halo_": "NOT promoted", "total_": "TRUE"}
CREDITS = {None: "TRUE", "_clicks": "by_click", "_views": "NOT by_click"}
PARTS = {
    "dt": "{moment}",
    "dt_hour": "date_trunc('hour', {moment})",
    "date": "CAST({moment} AS DATE)",
    "day": "day({moment})",
    "hour": "hour({moment})",
    "month": "month({moment})",
}
FLIGHTS = {"start": "TIMESTAMP '2015-01-01'", "end": "TIMESTAMP '2049-12-31'"}


def column_expression(column: TableColumn, base_columns: frozenset[str]) -> str:
    """Return the SQL that yields `column` from a view with the columns `base_columns`."""
    found = _stored_column(column.name, base_columns) or _time_column(column.name, base_columns)
    if found is None:
        found = "0" if column.role == "METRIC" and column.data_type != "STRING" else "NULL"
    return found


def _stored_column(name: str, base_columns: frozenset[str]) -> str | None:
    credited = CREDIT.fullmatch(name)
    if credited and "by_click" in base_columns:
        return _credited_metric(credited)
    if name in base_columns:
        return f'"{name}"'
    if RENAMED.get(name) in base_columns:
        return RENAMED[name]
    if name == "campaign_id_string" and "campaign_id" in base_columns:
        return "CAST(campaign_id AS VARCHAR)"
    return CONSTANTS.get(name)


def _credited_metric(match: re.Match[str]) -> str:
    new = "new_to_brand" if match["new"] else "TRUE"
    condition = f"{SCOPES[match['scope']]} AND {CREDITS[match['credit']]} AND {new}"
    return f"CASE WHEN {condition} THEN {match['metric']} ELSE 0 END"


def _time_column(name: str, base_columns: frozenset[str]) -> str | None:
    flight = FLIGHT.fullmatch(name)
    if flight and "campaign_id" in base_columns:
        return FLIGHTS[flight["end"]]
    match = TIME.fullmatch(name)
    source = f"{match['event']}dt_utc" if match else ""
    if match is None or source not in base_columns:
        return None
    return PARTS[match["part"]].format(moment=source if match["utc"] else _local(source))


def _local(source: str) -> str:
    return f"(({source} AT TIME ZONE 'UTC') AT TIME ZONE advertiser_timezone)"
