"""ERROR is said only where nothing works until somebody acts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.instance_health import (
    LONGEST_ERROR,
    Answers,
    CreationStatus,
    HealthStatus,
    diagnose,
    words_of,
)
from recomamp.errors import (
    ConsentRevoked,
    ContractBroken,
    InvalidDefinition,
    MissingSetting,
    PipelineError,
    Refused,
    Transient,
    Unauthorized,
)

REFUSED = Refused("GET /x answered HTTP 403: Unauthorized request (request id ABC)", status=403)
SLOW = Transient("GET /x answered HTTP 503: try later")
FINAL = (ConsentRevoked, InvalidDefinition, MissingSetting)

troubles = st.none() | st.sampled_from(
    [
        REFUSED,
        SLOW,
        Unauthorized("401"),
        ContractBroken("what"),
        ConsentRevoked("gone"),
        MissingSetting("RECOMAMP_FERNET_KEY"),
        InvalidDefinition("unknown region"),
    ]
)
words = st.none() | st.sampled_from([*CreationStatus, "completed", "UNHEARD_OF"])


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (Answers(creation_status="COMPLETED"), HealthStatus.HEALTHY),
        (Answers(creation_status="SUCCEEDED"), HealthStatus.HEALTHY),
        (Answers(), HealthStatus.HEALTHY),
        (Answers(creation_status="IN_PROGRESS"), HealthStatus.UNHEALTHY),
        (Answers(creation_status="IN_PROGRESS", reporting=REFUSED), HealthStatus.UNHEALTHY),
        (Answers(creation_status="PONDERING"), HealthStatus.UNHEALTHY),
        (Answers(creation_status="FAILED"), HealthStatus.ERROR),
        (Answers(reporting=REFUSED), HealthStatus.ERROR),
        (Answers(administration=REFUSED, reporting=REFUSED), HealthStatus.ERROR),
        (Answers(administration=REFUSED), HealthStatus.UNHEALTHY),
        (Answers(administration=REFUSED, reporting=SLOW), HealthStatus.UNHEALTHY),
        (Answers(reporting=SLOW), HealthStatus.UNHEALTHY),
        (Answers(reporting=Unauthorized("401")), HealthStatus.UNHEALTHY),
        (Answers(administration=ConsentRevoked("gone")), HealthStatus.ERROR),
        (Answers(reporting=InvalidDefinition("unknown region")), HealthStatus.ERROR),
    ],
    ids=str,
)
def test_the_answers_decide(answers: Answers, expected: HealthStatus) -> None:
    assert diagnose(answers).status is expected


@given(administration=troubles, reporting=troubles, creation_status=words)
def test_an_instance_on_which_reporting_works_is_never_in_error_for_less_than_a_reason(
    administration: PipelineError | None,
    reporting: PipelineError | None,
    creation_status: str | None,
) -> None:
    health = diagnose(
        Answers(administration=administration, reporting=reporting, creation_status=creation_status)
    )
    needs_somebody = (
        isinstance(administration, FINAL)
        or isinstance(reporting, (*FINAL, Refused))
        or (creation_status == CreationStatus.FAILED)
    )
    assert needs_somebody or health.status is not HealthStatus.ERROR
    assert (health.status is HealthStatus.HEALTHY) == (health.error is None)


def test_the_same_trouble_has_the_same_words_though_its_request_id_differs() -> None:
    first, second = (Refused(f"HTTP 403: no (request id {one}); act") for one in ("A1", "B2"))
    assert words_of(first) == words_of(second) == "HTTP 403: no; act"


def test_a_long_complaint_is_cut() -> None:
    health = diagnose(Answers(reporting=Refused("x" * 5000)))
    assert len(health.error or "") == LONGEST_ERROR
