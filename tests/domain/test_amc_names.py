"""The name at AMC says whose an execution is."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.amc_names import (
    amc_workflow_id,
    dry_run_workflow_id,
    execution_id_of,
    is_dry_run,
    is_nameless,
)

KEY = UUID("00000000-0000-0000-0000-00000000002a")


def test_names_begin_with_the_product_and_end_with_the_id() -> None:
    """Executions of an earlier version are found by them."""
    assert amc_workflow_id(KEY) == f"recomamp-{KEY}"
    assert dry_run_workflow_id(KEY) == f"recomamp-dry-{KEY}"


@given(st.uuids())
def test_the_name_given_at_submission_leads_back_to_the_row(key: UUID) -> None:
    assert execution_id_of(amc_workflow_id(key)) == key


@pytest.mark.parametrize(
    "name",
    [None, "", "recomamp-", "recomamp-1", f"x-recomamp-{KEY}", f"recomamp-{KEY}\n",
     dry_run_workflow_id(KEY)],
)  # fmt: skip
def test_other_names_are_not_ours(name: str | None) -> None:
    assert execution_id_of(name) is None


@pytest.mark.parametrize(
    ("name", "dry_run", "nameless"),
    [
        (dry_run_workflow_id(KEY), True, False),
        (amc_workflow_id(KEY), False, False),
        (f"x-{dry_run_workflow_id(KEY)}", False, False),
        ("transient_1", False, True),
        ("my_transient_1", False, False),
        ("", False, False),
        (None, False, True),
    ],
)
def test_dry_runs_and_what_amc_has_named_are_recognised(
    name: str | None, dry_run: bool, nameless: bool
) -> None:
    assert (is_dry_run(name), is_nameless(name)) == (dry_run, nameless)
