"""Words of AMC and of rows, who may change a state, and how an execution ends with its run."""

from __future__ import annotations

import pytest

from recomamp.domain.execution_states import (
    CHECK_FAILED,
    CONSENT_REVOKED,
    KILLED,
    RUN_FAILED,
    TRANSITIONS,
    Actor,
    AmcStatus,
    ExecutionStatus,
    allowed_from,
    ended_as,
    given_up_as,
)

PENDING, RUNNING = ExecutionStatus.PENDING, ExecutionStatus.RUNNING
FAILED, CANCELLED = ExecutionStatus.FAILED, ExecutionStatus.CANCELLED
TIMEOUT, SUCCESS = ExecutionStatus.TIMEOUT, ExecutionStatus.SUCCESS


@pytest.mark.parametrize(
    ("text", "status"),
    [
        *((one.value, one) for one in AmcStatus),
        ("succeeded", AmcStatus.SUCCEEDED),
        ("Timed_Out", AmcStatus.TIMED_OUT),
        ("DREAMING", AmcStatus.UNKNOWN),
        ("", AmcStatus.UNKNOWN),
        (None, AmcStatus.UNKNOWN),
    ],
)
def test_a_status_of_amc_is_one_of_ours_in_any_case_or_unknown(
    text: str | None, status: AmcStatus
) -> None:
    assert AmcStatus.parse(text) is status


@pytest.mark.parametrize(
    ("text", "status"),
    [*((one.value, one) for one in ExecutionStatus), ("running", None), ("", None), (None, None)],
)
def test_a_stored_word_is_one_of_ours_or_none(
    text: str | None, status: ExecutionStatus | None
) -> None:
    assert ExecutionStatus.parse(text) is status


def test_what_has_ended_at_amc_ends_here() -> None:
    ended = {one: ended_as(one) for one in AmcStatus if one.is_terminal}
    assert ended == {
        AmcStatus.SUCCEEDED: SUCCESS,
        AmcStatus.FAILED: FAILED,
        AmcStatus.REJECTED: FAILED,
        AmcStatus.CANCELLED: CANCELLED,
        AmcStatus.TIMED_OUT: TIMEOUT,
    }


@pytest.mark.parametrize(
    ("actor", "target", "sources"),
    [
        (Actor.SUBMIT, PENDING, []),  # there is no row before
        (Actor.SUBMIT, RUNNING, [PENDING]),
        (Actor.SUBMIT, FAILED, [PENDING]),
        (Actor.WAIT, FAILED, [RUNNING]),
        (Actor.WAIT, TIMEOUT, [RUNNING]),
        (Actor.WAIT, SUCCESS, []),
        (Actor.LOAD, SUCCESS, [RUNNING, SUCCESS, FAILED, CANCELLED, TIMEOUT]),
        (Actor.ON_KILL, CANCELLED, [PENDING, RUNNING]),
        (Actor.ON_KILL, FAILED, []),
        (Actor.RECONCILE, FAILED, [PENDING, RUNNING]),
    ],
)
def test_an_actor_changes_a_state_from_these_alone(
    actor: Actor, target: ExecutionStatus, sources: list[ExecutionStatus]
) -> None:
    assert set(allowed_from(actor, target)) == set(sources)


def test_only_results_make_an_ended_execution_another_one() -> None:
    for change in TRANSITIONS:
        if change.source is not None and not change.source.is_open and change.target is not None:
            assert change.target is SUCCESS
            assert change.needs_results


@pytest.mark.parametrize(
    ("step_error_type", "amc_status", "status", "error_type"),
    [
        (None, None, CANCELLED, KILLED),
        (None, AmcStatus.CANCELLED, CANCELLED, KILLED),
        (None, AmcStatus.SUCCEEDED, CANCELLED, KILLED),
        (CONSENT_REVOKED, None, FAILED, CONSENT_REVOKED),
        (CONSENT_REVOKED, AmcStatus.CANCELLED, FAILED, CONSENT_REVOKED),
        ("STEP_TIMED_OUT", AmcStatus.CANCELLED, CANCELLED, "CANCELLED"),
        ("STEP_TIMED_OUT", AmcStatus.RUNNING, FAILED, RUN_FAILED),
        (CHECK_FAILED, None, FAILED, RUN_FAILED),
    ],
)
def test_an_open_execution_whose_run_is_over_ends_by_what_failed(
    step_error_type: str | None,
    amc_status: AmcStatus | None,
    status: ExecutionStatus,
    error_type: str,
) -> None:
    assert given_up_as(step_error_type, amc_status) == (status, error_type)
