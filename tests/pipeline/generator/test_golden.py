"""What Airflow stores of a DAG, as files that a reviewer can read.

``UPDATE_GOLDEN=1 make test`` writes them anew.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.definitions import (
    Definition,
    InvalidDefinitionRow,
    read_collection,
    read_schedule,
)
from recomamp.errors import InvalidDefinition
from recomamp.pipeline.generator.factory import build_dag

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
PLACES = ("fileloc", "relative_fileloc", "_processor_dags_folder")  # of the machine

WORKFLOW: dict[str, Any] = {
    "workflow_id": "22222222-2222-2222-2222-222222222222",
    "workflow_name": "Campaign performance",
    "workflow_description": "Impressions and clicks by campaign",
    "workflow_parameters": {
        "minimum": {"type": "LONG", "default": 10, "description": "Least impressions"},
        "products": ["sponsored_products", "sponsored_brands"],
    },
    "sql_query": "SELECT campaign, SUM(impressions) AS n FROM sponsored_ads_traffic\n"
    "WHERE ad_product_type IN ({{products}}) GROUP BY campaign\n"
    "HAVING SUM(impressions) > {{minimum}}",
    "user_id": "33333333-3333-3333-3333-333333333333",
    "instance_key": "44444444-4444-4444-4444-444444444444",
    "instance_id": "amcibersblt",
    "instance_name": "Iberia",
    "region": "eu-west-1",
    "country_code": "ES",
    "owner": "Ann Analyst",
}
SCHEDULE = WORKFLOW | {
    "id": "11111111-1111-1111-1111-111111111111",
    "name": "Every morning",
    "description": None,
    "cron_expression": "0 6 * * *",
    "timezone": "Europe/Madrid",
    "is_active": True,
    "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    "parameters": {"minimum": 25, "window": {"lookback_days": 7}},
}
COLLECTION = WORKFLOW | {
    "id": "55555555-5555-5555-5555-555555555555",
    "name": "Last winter",
    "description": "All of it",
    "start_date": date(2025, 12, 1),
    "end_date": date(2026, 2, 28),
    "status": "ACTIVE",
    "parameters": {},
}
INVALID = InvalidDefinitionRow(
    ref=DefinitionRef(DefinitionKind.SCHEDULE, UUID("66666666-6666-6666-6666-666666666666")),
    name="Broken",
    owner="Ann Analyst",
    instance_id="amcibersblt",
    error=InvalidDefinition("parameter 'x' is not declared", table="workflow_schedules"),
)


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        ("schedule", read_schedule(SCHEDULE)),
        ("collection", read_collection(COLLECTION)),
        ("invalid", INVALID),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_definition_gives_the_dag_that_was_reviewed(name: str, definition: Definition) -> None:
    stored = DagSerialization.to_dict(build_dag(definition))
    for place in PLACES:
        stored["dag"].pop(place, None)
    text = json.dumps(stored, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{name}_dag.json"
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
