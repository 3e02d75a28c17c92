from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recomamp.amazon.amc.matching import matches_submission
from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution

INTENTION = datetime(2025, 3, 12, 9, 0, 5, 250_000, tzinfo=UTC)
START, END = datetime(2025, 3, 3, tzinfo=UTC), datetime(2025, 3, 10, tzinfo=UTC)


def execution(**changes: Any) -> AmcExecution:
    return AmcExecution(
        **{
            "amc_execution_id": "e-1",
            "workflow_id": "transient_5b1f",
            "status": AmcStatus.RUNNING,
            "amc_status": "RUNNING",
            "status_reason": None,
            "create_time": INTENTION.replace(microsecond=0),
            "last_updated_time": None,
            "window_start": START,
            "window_end": END,
            "parameter_values": {"limit": "7", "on": "true", "asins": ["A", "B"]},
            "output_columns": (),
            "execution_time_seconds": None,
            "sql_query": None,
            "request_id": None,
            **changes,
        }
    )


def claim(one: AmcExecution, **changes: Any) -> bool:
    return matches_submission(
        one,
        **{
            "workflow_id": "recomamp-1",
            "window_start": START,
            "window_end": END,
            "parameter_values": {"limit": 7, "on": True, "asins": ("A", "B")},
            "created_after": INTENTION,
            **changes,
        },
    )


def test_our_name_is_enough():
    assert claim(execution(workflow_id="recomamp-1", window_start=None, parameter_values={}))


@pytest.mark.parametrize("name", ["transient_5b1f", None])
def test_without_a_name_window_parameters_and_time_decide(name):
    assert claim(execution(workflow_id=name))


@pytest.mark.parametrize(
    "changes",
    [
        {"workflow_id": "recomamp-2"},
        {"workflow_id": "analytics-1"},
        {"window_start": START + timedelta(days=1)},
        {"window_end": END + timedelta(days=1)},
        {"window_end": None},
        {"parameter_values": {"limit": "8", "on": "true", "asins": ["A", "B"]}},
        {"parameter_values": {"limit": "7"}},
        {"create_time": INTENTION - timedelta(seconds=61)},
        {"create_time": None},
    ],
    ids=str,
)
def test_what_differs_in_anything_is_not_ours(changes):
    assert not claim(execution(**changes))


def test_amcs_clock_may_be_a_little_behind_ours():
    assert claim(execution(create_time=INTENTION - timedelta(seconds=59)))


def test_any_window_will_do_where_amc_chose_it():
    assert claim(execution(window_start=None), window_start=None, window_end=None)


def test_another_query_over_the_same_window_is_not_ours_when_amc_shows_queries():
    assert not claim(execution(sql_query="SELECT 2"), sql="SELECT 1")
    assert claim(execution(sql_query="SELECT 1"), sql="SELECT 1")
    assert claim(execution(sql_query=None), sql="SELECT 1")
