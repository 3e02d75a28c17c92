"""What Airflow stores of a DAG, as files that a reviewer can read.

``UPDATE_GOLDEN=1 make test`` writes them anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from uuid import UUID

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from fixtures.definition_rows import COLLECTION, SCHEDULE
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
