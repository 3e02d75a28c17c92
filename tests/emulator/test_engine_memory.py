"""An answer from memory is the engine's own answer to the same question."""

from __future__ import annotations

from typing import Any

import pytest

from amc_emulator.engine import Engine, Query, QueryRejected, RememberingEngine, ResultSet
from amc_emulator.engine.memory import MOST_ANSWERS
from fixtures.engine_runs import EUROPE, MONDAY, NORTH, WEEK, make_query, shared_engine

BY_CAMPAIGN = "SELECT campaign, SUM(impressions) AS i FROM dsp_impressions GROUP BY campaign"
BY_USER = "SELECT user_id, impressions FROM dsp_impressions"


class CountingEngine(Engine):
    """An engine that counts the queries it runs."""

    runs = 0

    def run(self, instance_id: str, query: Query) -> ResultSet:
        self.runs += 1
        return super().run(instance_id, query)


def test_a_query_that_is_asked_again_is_not_run_again() -> None:
    engine = CountingEngine()
    remembering = RememberingEngine(engine)
    first, second = (remembering.run(NORTH, make_query(BY_CAMPAIGN)) for _ in range(2))
    assert first == second == shared_engine().run(NORTH, make_query(BY_CAMPAIGN))
    assert engine.runs == 1


@pytest.mark.parametrize(
    ("instance_id", "changes"),
    [
        (EUROPE, {}),
        (NORTH, {"time_window_end": MONDAY + 2 * WEEK}),
        (NORTH, {"known_at": MONDAY + WEEK}),
        (NORTH, {"privacy_filtering": "AGGREGATE"}),
        (NORTH, {"aggregation_controls": False}),
        (NORTH, {"datasets": frozenset({"any"})}),
        (NORTH, {"distinct_user_count_column": "users"}),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)
def test_another_question_has_its_own_answer(instance_id: str, changes: dict[str, Any]) -> None:
    remembering = RememberingEngine(shared_engine())
    query, other = make_query(BY_CAMPAIGN), make_query(BY_CAMPAIGN, **changes)
    remembering.compile(NORTH, query)
    remembering.run(NORTH, query)
    for _ in range(2):
        assert _answer(remembering, instance_id, other) == _answer(
            shared_engine(), instance_id, other
        )


def _answer(engine: Engine | RememberingEngine, instance_id: str, query: Query) -> object:
    try:
        return engine.compile(instance_id, query), engine.run(instance_id, query)
    except QueryRejected as err:
        return str(err)


def test_memory_holds_a_bounded_number_of_small_results() -> None:
    engine = CountingEngine(users=40)
    remembering = RememberingEngine(engine)
    ask = [
        make_query("SELECT {{n}} AS n FROM dsp_impressions GROUP BY 1".replace("{{n}}", str(n)))
        for n in range(MOST_ANSWERS + 1)
    ]
    for query in (*ask, ask[-1], ask[0]):
        remembering.run(NORTH, query)
    assert engine.runs == len(ask) + 1  # the first was forgotten, the last was not
    large = make_query(BY_USER, aggregation_controls=False, time_window_end=MONDAY + 8 * WEEK)
    before = engine.runs
    for _ in range(2):
        assert len(remembering.run(NORTH, large).rows) > 1000
    assert engine.runs == before + 2
