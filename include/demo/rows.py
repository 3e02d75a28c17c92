"""The rows that the demo inserts."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
TEMPLATE = "reach_and_frequency"

# The refresh tokens of the emulator's default tenants.
NORTH_TOKEN = "Atzr|demo-north"  # noqa: S105  of the emulator, opens nothing else
EUROPE_TOKEN = "Atzr|demo-europe"  # noqa: S105

WEEKS = 6
DAYS_OF_LAST_WEEK = 4
BACKFILL_DAYS = 3

# So long ago that no tick comes during the demo, whenever it is run.
LAST_TICK_HOURS_AGO = 3


def identify(name: str) -> str:
    """Return the id of the demo's row of that name, the same in every run."""
    return str(uuid5(NAMESPACE_URL, f"recomamp-demo/{name}"))


USERS = [identify("north_user"), identify("europe_user")]
ACCOUNTS = [identify("north_account"), identify("europe_account")]
REACH_SCHEDULE = UUID(identify("reach_schedule"))
COSTS_SCHEDULE = UUID(identify("costs_schedule"))
SALES_SCHEDULE = UUID(identify("sales_schedule"))
REFUSED_SCHEDULE = UUID(identify("refused_schedule"))
COLLECTION = UUID(identify("collection"))

_NAMES = (
    "north_user",
    "europe_user",
    "north_account",
    "europe_account",
    "north_instance",
    "europe_instance",
    "reach_workflow",
    "costs_workflow",
    "sales_workflow",
    "refused_workflow",
    "reach_schedule",
    "costs_schedule",
    "sales_schedule",
    "refused_schedule",
    "collection",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dates:
    """The days that the demo reads: long enough ago that Amazon's data is complete."""

    collection_start: date
    collection_end: date
    backfill_from: date
    backfill_to: date

    @classmethod
    def before(cls, now: datetime) -> Dates:
        """Choose days whose data Amazon has attributed before that time."""
        today = now.date()
        end = today - timedelta(days=21)
        return cls(
            collection_start=end - timedelta(days=7 * (WEEKS - 1) + DAYS_OF_LAST_WEEK - 1),
            collection_end=end,
            backfill_from=today - timedelta(days=14),
            backfill_to=today - timedelta(days=14 - BACKFILL_DAYS + 1),
        )


def seed(connection: Connection, *, fernet_key: str, now: datetime) -> None:
    """Insert the demo's rows, replacing those of an earlier demo.

    :param fernet_key: the key, or comma-separated keys, the pipeline decrypts tokens with.
    """
    templates = _templates()
    with connection, connection.cursor() as cursor:
        ids = {
            "user_ids": USERS,
            "account_ids": ACCOUNTS,
            "template_ids": [template["id"] for template in templates],
        }
        cursor.execute(read_sql("delete_rows"), ids)
        for template in templates:
            cursor.execute(read_sql("insert_template"), template)
        cursor.execute(read_sql("insert_rows"), _values(fernet_key, now))


def retry_sales(connection: Connection) -> bool:
    """Ask for the day of the sales again, and once more if that is refused; False if not now."""
    with connection, connection.cursor() as cursor:
        cursor.execute(read_sql("insert_retry"), {"schedule_id": str(SALES_SCHEDULE)})
        return cursor.rowcount > 0


def read_sql(name: str) -> str:
    """Return the text of one of the demo's SQL files."""
    return (HERE / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _values(fernet_key: str, now: datetime) -> dict[str, Any]:
    encrypt = Fernet(fernet_key.split(",")[0].strip().encode()).encrypt
    dates = Dates.before(now)
    template = next(one for one in _templates() if one["id"] == identify(f"template/{TEMPLATE}"))
    return {name: identify(name) for name in _NAMES} | {
        "north_token": encrypt(NORTH_TOKEN.encode()).decode(),
        "europe_token": encrypt(EUROPE_TOKEN.encode()).decode(),
        "reach_template": template["id"],
        "reach_sql": template["sql_template"],
        "reach_parameters": template["parameters"],
        "costs_sql": read_sql("campaign_costs"),
        "sales_sql": read_sql("campaign_sales"),
        "refused_sql": read_sql("all_columns"),
        "los_angeles_cron": _daily(now, "America/Los_Angeles"),
        "berlin_cron": _daily(now, "Europe/Berlin"),
        "utc_cron": _daily(now, "UTC"),
        "created_at": now - timedelta(days=3),
        "start_date": dates.collection_start,
        "end_date": dates.collection_end,
        "backfill_from": dates.backfill_from,
        "backfill_to": dates.backfill_to,
    }


def _daily(now: datetime, zone: str) -> str:
    """Return a daily cron expression whose last tick in that zone was some hours ago."""
    last_tick = now.astimezone(UTC) - timedelta(hours=LAST_TICK_HOURS_AGO)
    return f"0 {last_tick.astimezone(ZoneInfo(zone)).hour} * * *"


def _templates() -> list[dict[str, Any]]:
    definitions = tomllib.loads((TEMPLATES / "templates.toml").read_text(encoding="utf-8"))
    return [_template(key, definition) for key, definition in definitions.items()]


def _template(key: str, definition: dict[str, Any]) -> dict[str, Any]:
    return definition | {
        "id": identify(f"template/{key}"),
        "sql_template": (TEMPLATES / f"{key}.sql").read_text(encoding="utf-8"),
        "parameters": Json(definition.get("parameters", {})),
    }
