"""What is done where AMC's list and our open rows disagree, and what never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.amc_names import amc_workflow_id, dry_run_workflow_id
from recomamp.domain.execution_states import AmcStatus, ExecutionStatus
from recomamp.domain.executions import AmcExecution, OpenExecution
from recomamp.domain.reconciliation import (
    ORPHAN_GRACE,
    Action,
    Decision,
    KnownExecutions,
    RunState,
    count_external,
    decide,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
IDS = [UUID(int=number) for number in range(1, 5)]
AMC_IDS = ["amc-1", "amc-2", "amc-3", "amc-4"]
NAMES = [
    *(f"recomamp-{key}" for key in IDS),
    None, "transient_1", "somebodys_query", "recomamp-by-hand",
]  # fmt: skip

moments = st.timedeltas(timedelta(0), timedelta(hours=1)).map(lambda age: NOW - age)
rows = st.builds(
    lambda key, **other: OpenExecution(
        id=key, amc_workflow_id=f"recomamp-{key}", dag_id="dag", dag_run_id=str(key), **other
    ),
    st.sampled_from(IDS),
    status=st.sampled_from([ExecutionStatus.PENDING, ExecutionStatus.RUNNING]),
    amc_execution_id=st.none() | st.sampled_from(AMC_IDS),
    updated_at=st.none(),
    orphaned_at=st.none() | moments,
    has_definition=st.booleans(),
)
listed = st.builds(
    AmcExecution,
    amc_execution_id=st.sampled_from(AMC_IDS),
    workflow_id=st.sampled_from(NAMES),
    status=st.sampled_from(AmcStatus),
    create_time=st.none() | moments,
)


@st.composite
def situations(
    draw: st.DrawFn,
) -> tuple[list[OpenExecution], list[AmcExecution], KnownExecutions, dict[UUID, RunState]]:
    # An id that one row holds is refused to any other
    open_rows = draw(
        st.lists(rows, unique_by=(lambda row: row.id, lambda row: row.amc_execution_id or row.id))
    )
    at_amc = draw(st.lists(listed, unique_by=lambda one: one.amc_execution_id))
    ended = draw(
        st.dictionaries(
            st.sampled_from(IDS),
            st.sampled_from([one for one in ExecutionStatus if not one.is_open]),
        )
    )
    known = KnownExecutions(
        statuses={**ended, **{row.id: row.status for row in open_rows}},
        held={row.id: row.amc_execution_id for row in open_rows if row.amc_execution_id},
    )
    runs = {row.id: draw(st.sampled_from(RunState)) for row in open_rows}
    return open_rows, at_amc, known, runs


@given(situations())
def test_nothing_is_cancelled_that_does_not_carry_our_name_or_a_rows_own_id(
    situation: tuple[
        list[OpenExecution], list[AmcExecution], KnownExecutions, dict[UUID, RunState]
    ],
) -> None:
    open_rows, at_amc, known, runs = situation
    names = {one.amc_execution_id: one.workflow_id for one in at_amc}
    for decision in decide(open_rows, at_amc, known, runs, now=NOW):
        for amc_id in decision.cancel:
            if names.get(amc_id) == amc_workflow_id(decision.execution_id):
                continue
            assert decision.row is not None
            assert amc_id == decision.row.amc_execution_id
            assert names.get(amc_id) in (None, "transient_1")


@given(situations())
def test_a_row_whose_run_is_alive_is_never_touched(
    situation: tuple[
        list[OpenExecution], list[AmcExecution], KnownExecutions, dict[UUID, RunState]
    ],
) -> None:
    open_rows, at_amc, known, runs = situation
    alive = {row.id for row in open_rows if runs[row.id].is_alive}
    own = {row.amc_execution_id for row in open_rows if row.id in alive}
    for decision in decide(open_rows, at_amc, known, runs, now=NOW):
        if decision.action is Action.CANCEL_AT_AMC:
            assert not own & set(decision.cancel)
        else:
            assert decision.execution_id not in alive


def test_what_an_open_row_waits_for_is_not_cancelled_for_a_row_that_has_ended() -> None:
    ended, waiting = IDS[:2]
    at_amc = AmcExecution(
        amc_execution_id="amc-1",
        workflow_id=f"recomamp-{ended}",
        status=AmcStatus.RUNNING,
        create_time=NOW,
    )
    row = OpenExecution(
        id=waiting,
        amc_workflow_id=f"recomamp-{waiting}",
        dag_id="dag",
        dag_run_id="run",
        status=ExecutionStatus.RUNNING,
        amc_execution_id="amc-1",
        updated_at=None,
        orphaned_at=None,
        has_definition=True,
    )
    known = KnownExecutions(
        statuses={ended: ExecutionStatus.SUCCESS, waiting: row.status}, held={waiting: "amc-1"}
    )
    found = decide([row], [at_amc], known, {waiting: RunState.RUNNING}, now=NOW)
    assert list(found) == []


@given(situations())
def test_nothing_is_cancelled_that_a_row_without_an_id_may_be_about_to_take(
    situation: tuple[
        list[OpenExecution], list[AmcExecution], KnownExecutions, dict[UUID, RunState]
    ],
) -> None:
    open_rows, at_amc, known, runs = situation
    waiting = {row.id for row in open_rows if row.amc_execution_id is None}
    for decision in decide(open_rows, at_amc, known, runs, now=NOW):
        if decision.action is Action.CANCEL_AT_AMC:
            assert decision.execution_id not in waiting


@given(situations())
def test_what_has_ended_at_amc_is_not_cancelled_and_each_thing_is_done_once(
    situation: tuple[
        list[OpenExecution], list[AmcExecution], KnownExecutions, dict[UUID, RunState]
    ],
) -> None:
    open_rows, at_amc, known, runs = situation
    decisions = list(decide(open_rows, at_amc, known, runs, now=NOW))
    ended = {one.amc_execution_id for one in at_amc if one.status.is_terminal}
    assert not ended & {amc_id for decision in decisions for amc_id in decision.cancel}
    about_rows = [decision.execution_id for decision in decisions if decision.row]
    assert len(about_rows) == len(set(about_rows))
    unwanted = [one.cancel for one in decisions if one.action is Action.CANCEL_AT_AMC]
    assert len(unwanted) == len(set(unwanted))
    with_rows = {amc_id for one in decisions if one.row for amc_id in one.cancel}
    assert not with_rows & {amc_id for cancel in unwanted for amc_id in cancel}


def row(**changes: object) -> OpenExecution:
    own: dict[str, object] = {
        "id": IDS[0],
        "status": ExecutionStatus.RUNNING,
        "amc_workflow_id": amc_workflow_id(IDS[0]),
        "amc_execution_id": "amc-1",
        "dag_id": "dag",
        "dag_run_id": "run",
        "updated_at": NOW,
        "orphaned_at": NOW - ORPHAN_GRACE,
        "has_definition": True,
    }
    return OpenExecution(**{**own, **changes})  # type: ignore[arg-type]


def at_amc(**changes: object) -> AmcExecution:
    own: dict[str, object] = {
        "amc_execution_id": "amc-1",
        "workflow_id": amc_workflow_id(IDS[0]),
        "status": AmcStatus.RUNNING,
        "create_time": NOW,
    }
    return AmcExecution(**{**own, **changes})  # type: ignore[arg-type]


def decided(
    rows: list[OpenExecution],
    listed: list[AmcExecution],
    run: RunState = RunState.GONE,
    **statuses: ExecutionStatus,
) -> list[Decision]:
    known = KnownExecutions(
        statuses={
            **{one.id: one.status for one in rows},
            **({IDS[0]: statuses["ended"]} if statuses else {}),
        },
        held={one.id: one.amc_execution_id for one in rows if one.amc_execution_id},
    )
    return list(decide(rows, listed, known, {one.id: run for one in rows}, now=NOW))


@pytest.mark.parametrize("run", [RunState.ENDED, RunState.GONE])
def test_an_orphan_is_closed_after_its_grace_and_not_before(run: RunState) -> None:
    orphan, seen = row(), at_amc()
    (decision,) = decided([orphan], [seen], run)
    assert (decision.action, decision.cancel) == (Action.CLOSE, ("amc-1",))
    assert (decision.execution_id, decision.row, decision.at_amc) == (orphan.id, orphan, seen)
    assert decision.reason == f"its DAG run is {run}, seen first at 2026-03-02 11:45:00 UTC"
    young = row(orphaned_at=NOW - ORPHAN_GRACE + timedelta(seconds=1))
    assert decided([young, row(id=IDS[1], orphaned_at=None)], [at_amc()], run) == []


def test_a_pending_orphan_takes_amcs_id_before_anything_else() -> None:
    pending = row(status=ExecutionStatus.PENDING, amc_execution_id=None)
    ended, running = at_amc(amc_execution_id="amc-2", status=AmcStatus.FAILED), at_amc()
    (decision,) = decided([pending], [ended, running])
    assert (decision.action, decision.at_amc) == (Action.ADOPT, running)
    assert (decision.execution_id, decision.row) == (pending.id, pending)
    assert decision.reason == "its DAG run is gone and AMC has it"


def test_a_pending_orphan_that_has_amcs_id_takes_no_other() -> None:
    (decision,) = decided([row(status=ExecutionStatus.PENDING)], [at_amc()])
    assert decision.action is Action.CLOSE


def test_where_amc_keeps_no_names_an_orphan_is_found_by_its_id() -> None:
    nameless = at_amc(workflow_id="transient_1")
    (decision,) = decided([row()], [nameless])
    assert (decision.at_amc, decision.cancel) == (nameless, ("amc-1",))


def test_what_amc_lists_under_the_rows_id_counts_before_what_has_its_name() -> None:
    ended, twin = at_amc(status=AmcStatus.SUCCEEDED), at_amc(amc_execution_id="amc-2")
    (decision,) = decided([row()], [twin, ended])
    assert (decision.at_amc, decision.cancel) == (ended, ("amc-2",))


def test_an_orphan_sent_twice_is_cancelled_twice() -> None:
    (decision,) = decided([row()], [at_amc(amc_execution_id="amc-2"), at_amc()])
    assert (decision.action, set(decision.cancel)) == (Action.CLOSE, {"amc-1", "amc-2"})


@pytest.mark.parametrize("run", RunState)
@pytest.mark.parametrize("own", [AmcStatus.RUNNING, AmcStatus.SUCCEEDED])
def test_of_a_query_sent_twice_only_what_its_row_holds_runs_on(
    run: RunState, own: AmcStatus
) -> None:
    held = row(orphaned_at=None)
    (decision,) = decided([held], [at_amc(amc_execution_id="amc-2"), at_amc(status=own)], run)
    assert (decision.action, decision.cancel) == (Action.CANCEL_AT_AMC, ("amc-2",))
    assert (decision.execution_id, decision.row) == (held.id, None)
    assert decision.reason == "the query was sent more than once, and its row waits for amc-1"


def test_of_a_query_sent_twice_nothing_is_cancelled_before_the_row_has_taken_one() -> None:
    waiting = row(status=ExecutionStatus.PENDING, amc_execution_id=None, orphaned_at=None)
    twins = [at_amc(amc_execution_id="amc-2"), at_amc()]
    assert decided([waiting], twins, RunState.RUNNING) == []
    (decision,) = decided([waiting], twins, RunState.ENDED)
    assert (decision.action, decision.at_amc) == (Action.ADOPT, twins[0])


def test_what_another_open_row_holds_is_no_twin() -> None:
    other = row(id=IDS[1], amc_workflow_id=amc_workflow_id(IDS[1]), amc_execution_id="amc-2")
    assert (
        decided([row(), other], [at_amc(), at_amc(amc_execution_id="amc-2")], RunState.RUNNING)
        == []
    )


def test_an_orphan_that_amc_leaves_out_of_its_list_is_cancelled_by_its_id() -> None:
    (decision,) = decided([row()], [])
    assert decision.cancel == ("amc-1",)
    assert str(decision) == f"CLOSE of execution {IDS[0]}"


def test_the_id_of_a_row_does_not_make_somebody_elses_query_ours() -> None:
    (decision,) = decided([row()], [at_amc(workflow_id="somebodys_query")])
    assert decision.cancel == ()


def test_what_an_ended_row_left_running_is_cancelled_at_once() -> None:
    other = at_amc(amc_execution_id="amc-9", workflow_id="somebodys_query")
    new = at_amc(create_time=NOW)
    (decision,) = decided([], [other, new], ended=ExecutionStatus.TIMEOUT)
    assert (decision.action, decision.cancel) == (Action.CANCEL_AT_AMC, ("amc-1",))
    assert (decision.at_amc, decision.reason) == (new, "its row has ended as TIMEOUT")
    assert str(decision) == f"CANCEL_AT_AMC of execution {IDS[0]}, amc-1 at AMC"


def test_what_has_no_row_may_be_another_deployments_and_is_left_alone() -> None:
    assert decided([], [at_amc()]) == []


def test_foreign_is_what_runs_without_our_name_and_is_held_by_no_row() -> None:
    seen = [
        at_amc(),
        at_amc(amc_execution_id="amc-2", workflow_id="transient_1"),
        at_amc(amc_execution_id="amc-3", workflow_id="recomamp-by-hand"),
        at_amc(amc_execution_id="amc-4", workflow_id=None, status=AmcStatus.SUCCEEDED),
    ]
    ours = {IDS[0]: ExecutionStatus.RUNNING}
    assert count_external(seen, KnownExecutions(statuses=ours, held={})) == 2
    assert count_external(seen, KnownExecutions(statuses=ours, held={IDS[1]: "amc-2"})) == 1
    assert count_external(seen, KnownExecutions(statuses={}, held={IDS[1]: "amc-2"})) == 2


@pytest.mark.parametrize("held", [{}, {IDS[0]: "amc-1"}], ids=["no id yet", "an id"])
def test_what_amc_runs_twice_for_a_row_counts_once_as_foreign(held: dict[UUID, str]) -> None:
    twins = [at_amc(amc_execution_id="amc-2"), at_amc()]
    known = KnownExecutions(statuses={IDS[0]: ExecutionStatus.RUNNING}, held=held)
    assert count_external(twins, known) == 1
    assert (
        count_external(
            [at_amc(amc_execution_id="amc-2", status=AmcStatus.CANCELLED), at_amc()], known
        )
        == 0
    )


def test_a_twin_counts_though_what_its_row_holds_has_ended() -> None:
    twins = [at_amc(amc_execution_id="amc-2"), at_amc(status=AmcStatus.SUCCEEDED)]
    known = KnownExecutions(statuses={IDS[0]: ExecutionStatus.RUNNING}, held={IDS[0]: "amc-1"})
    assert count_external(twins, known) == 1


@pytest.mark.parametrize("status", [one for one in ExecutionStatus if not one.is_open])
def test_what_a_row_has_given_up_counts_until_amc_has_ended_it(status: ExecutionStatus) -> None:
    given_up = {IDS[0]: status}
    assert count_external([at_amc()], KnownExecutions(statuses=given_up, held={})) == 1
    # Listed before AMC ended it, and the row has heard of that since
    assert (
        count_external([at_amc()], KnownExecutions(statuses=given_up, held={}, ended=["amc-1"]))
        == 0
    )
    ended = at_amc(status=AmcStatus.CANCELLED)
    assert count_external([ended], KnownExecutions(statuses=given_up, held={})) == 0


@given(situations())
def test_what_runs_at_amc_has_an_open_row_or_is_counted(
    situation: tuple[
        list[OpenExecution], list[AmcExecution], KnownExecutions, dict[UUID, RunState]
    ],
) -> None:
    open_rows, listed, known, _ = situation
    running = [one for one in listed if not one.status.is_terminal]
    taken = {row.amc_execution_id for row in open_rows} & {one.amc_execution_id for one in running}
    others = {one.workflow_id for one in running if one.amc_execution_id not in taken}
    waiting = {row.amc_workflow_id for row in open_rows if row.amc_execution_id is None} & others
    assert count_external(listed, known) == len(running) - len(taken) - len(waiting)


def test_a_dry_run_takes_no_slot_and_is_never_cancelled() -> None:
    dry_run = at_amc(workflow_id=dry_run_workflow_id(IDS[0]), status=AmcStatus.RUNNING)
    known = KnownExecutions(statuses={IDS[0]: ExecutionStatus.SUCCESS}, held={})
    assert count_external([dry_run], known) == 0
    assert list(decide([], [dry_run], known, {}, now=NOW)) == []


def test_a_dry_run_without_a_name_is_recognised_by_amcs_id() -> None:
    nameless = at_amc(workflow_id="transient_1", status=AmcStatus.RUNNING)
    known = KnownExecutions(statuses={}, held={})
    assert count_external([nameless], known) == 1
    assert count_external([nameless], replace(known, dry_runs={nameless.amc_execution_id})) == 0


def test_what_two_pages_list_counts_once() -> None:
    known = KnownExecutions(statuses={}, held={})
    assert count_external([at_amc(), at_amc()], known) == 1
