"""ERROR is said only where nothing works until somebody acts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.instance_health import (
    MAX_ERROR,
    CreationStatus,
    HealthProbe,
    HealthStatus,
    evaluate_health,
    text_of_error,
)
from recomamp.errors import (
    ConfigurationError,
    ConsentRevoked,
    InvalidDefinition,
    PipelineError,
    RequestRejected,
    TransientError,
    Unauthorized,
    UnexpectedResponse,
)

REFUSED = RequestRejected(
    "GET /x answered HTTP 403: Unauthorized request (request id ABC)", status=403
)
SLOW = TransientError("GET /x answered HTTP 503: try later")
FINAL = (ConsentRevoked, InvalidDefinition, ConfigurationError)

troubles = st.none() | st.sampled_from(
    [
        REFUSED,
        SLOW,
        Unauthorized("401"),
        UnexpectedResponse("what"),
        ConsentRevoked("gone"),
        ConfigurationError("RECOMAMP_FERNET_KEY"),
        InvalidDefinition("unknown region"),
    ]
)
words = st.none() | st.sampled_from([*CreationStatus, "completed", "UNHEARD_OF"])


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (HealthProbe(creation_status="COMPLETED"), HealthStatus.HEALTHY),
        (HealthProbe(creation_status="SUCCEEDED"), HealthStatus.HEALTHY),
        (HealthProbe(), HealthStatus.HEALTHY),
        (HealthProbe(creation_status="IN_PROGRESS"), HealthStatus.UNHEALTHY),
        (HealthProbe(creation_status="IN_PROGRESS", reporting=REFUSED), HealthStatus.UNHEALTHY),
        (HealthProbe(creation_status="PONDERING"), HealthStatus.UNHEALTHY),
        (HealthProbe(creation_status="FAILED"), HealthStatus.ERROR),
        (HealthProbe(reporting=REFUSED), HealthStatus.ERROR),
        (HealthProbe(administration=REFUSED, reporting=REFUSED), HealthStatus.ERROR),
        (HealthProbe(administration=REFUSED), HealthStatus.UNHEALTHY),
        (HealthProbe(administration=REFUSED, reporting=SLOW), HealthStatus.UNHEALTHY),
        (HealthProbe(reporting=SLOW), HealthStatus.UNHEALTHY),
        (HealthProbe(reporting=Unauthorized("401")), HealthStatus.UNHEALTHY),
        (HealthProbe(administration=ConsentRevoked("gone")), HealthStatus.ERROR),
        (HealthProbe(reporting=InvalidDefinition("unknown region")), HealthStatus.ERROR),
    ],
    ids=str,
)
def test_the_answers_decide(answers: HealthProbe, expected: HealthStatus) -> None:
    assert evaluate_health(answers).status is expected


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (HealthProbe(reporting=InvalidDefinition("unknown region")), "unknown region"),
        (HealthProbe(administration=ConsentRevoked("consent is gone")), "consent is gone"),
        (HealthProbe(creation_status="FAILED"), "creationStatus FAILED: have the instance created"),
        (HealthProbe(creation_status="SUBMITTED"), "creationStatus SUBMITTED: the instance is not"),
        (HealthProbe(creation_status="PONDERING"), "creationStatus PONDERING, which is none"),
        (HealthProbe(reporting=SLOW), "HTTP 503: try later"),
        (HealthProbe(administration=SLOW), "reporting works, but GET /x answered HTTP 503"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(answers: HealthProbe, words: str) -> None:
    assert words in str(evaluate_health(answers).error)


@pytest.mark.parametrize(
    ("stored", "status"),
    [*((str(one), one) for one in HealthStatus), (None, HealthStatus.UNKNOWN),
     ("", HealthStatus.UNKNOWN), ("healthy", HealthStatus.UNKNOWN), ("ILL", HealthStatus.UNKNOWN)],
)  # fmt: skip
def test_a_stored_status_that_is_none_of_ours_is_unknown(
    stored: str | None, status: HealthStatus
) -> None:
    assert HealthStatus.parse(stored) is status


@given(administration=troubles, reporting=troubles, creation_status=words)
def test_an_instance_on_which_reporting_works_is_never_in_error_for_less_than_a_reason(
    administration: PipelineError | None,
    reporting: PipelineError | None,
    creation_status: str | None,
) -> None:
    health = evaluate_health(
        HealthProbe(
            administration=administration, reporting=reporting, creation_status=creation_status
        )
    )
    needs_somebody = (
        isinstance(administration, FINAL)
        or isinstance(reporting, (*FINAL, RequestRejected))
        or (creation_status == CreationStatus.FAILED)
    )
    assert needs_somebody or health.status is not HealthStatus.ERROR
    assert (health.status is HealthStatus.HEALTHY) == (health.error is None)


def test_the_same_trouble_has_the_same_words_though_its_request_id_differs() -> None:
    first, second = (
        RequestRejected(f"HTTP 403: no (request id {one}); act") for one in ("A1", "B2")
    )
    assert text_of_error(first) == text_of_error(second) == "HTTP 403: no; act"


def test_a_long_complaint_is_cut() -> None:
    health = evaluate_health(HealthProbe(reporting=RequestRejected("x" * 5000)))
    assert len(health.error or "") == MAX_ERROR


@pytest.mark.parametrize(
    ("place", "status"),
    [("reporting", HealthStatus.ERROR), ("administration", HealthStatus.UNHEALTHY)],
)
def test_terms_that_nobody_has_accepted_are_said_with_the_remedy(
    place: str, status: HealthStatus
) -> None:
    words = "Terms and conditions must be accepted to continue."
    health = evaluate_health(
        HealthProbe(**{place: RequestRejected(f"GET /x answered HTTP 403: {words}", status=403)})
    )
    assert health.status is status
    assert (
        "the terms of Amazon Marketing Cloud are not accepted; an administrator of the account "
        "accepts them in the Amazon Ads console, once for each region (NA, EU, FE)"
    ) in str(health.error)
    assert words in str(health.error)
