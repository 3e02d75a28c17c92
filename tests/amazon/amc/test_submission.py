"""Submitting: what was accepted, what was not, and what nobody knows, over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from fixtures.amazon import WINDOW, listed, make_execution
from recomamp.amazon.amc.matching import matches_submission
from recomamp.errors import RequestRejected, SubmissionUnknown, TransientError

IN_DOUBT = [
    pytest.param("reset_after", {}, 1, id="reset after accepting"),
    pytest.param("reset_before", {}, 0, id="reset before accepting"),
    pytest.param("timeout_after", {"gateway_timeout": True}, 1, id="gateway time-out"),
    pytest.param("server_error", {"status": 500}, 0, id="500"),
    pytest.param("server_error", {"status": 502, "html": True}, 0, id="502 as a page"),
    pytest.param("html_body", {}, 0, id="page instead of JSON"),
    pytest.param("throttle", {"retry_after": 3}, 0, id="429"),
    pytest.param("throttle", {"after": True}, 1, id="429 after accepting"),
    pytest.param("unauthorized", {}, 0, id="401"),
    pytest.param("unauthorized", {"after": True}, 1, id="401 after accepting"),
]


@pytest.mark.parametrize(("fault", "options", "accepted"), IN_DOUBT)
def test_a_submission_without_a_clear_answer_is_in_doubt_and_never_repeated(
    amazon, emulator, fault, options, accepted
):
    emulator.fault("create_execution", fault, **options)

    with pytest.raises(SubmissionUnknown):
        amazon.submit()

    assert len(emulator.calls("create_execution")) == 1
    assert len(emulator.executions()) == accepted
    assert amazon.pauses.seconds == []


def test_a_submission_that_gets_no_answer_in_time_is_in_doubt(amazon, emulator):
    emulator.fault("create_execution", "timeout_after")

    with pytest.raises(SubmissionUnknown, match="ReadTimeout"):
        amazon.ask(
            lambda client: client.create_execution(make_execution()),
            timeout=httpx.Timeout(30, read=1.0),
        )

    assert len(emulator.calls("create_execution")) == 1
    assert len(emulator.executions()) == 1


def test_a_service_that_cannot_be_reached_puts_nothing_in_doubt(emulator, amazon):
    created = amazon.submit()  # leaves a usable token in the store
    amazon.url = "http://127.0.0.1:9"

    with pytest.raises(TransientError, match=r"127\.0\.0\.1"):
        amazon.submit()

    assert [one["workflowExecutionId"] for one in emulator.executions()] == [
        created.amc_execution_id
    ]


@pytest.mark.parametrize("keep_workflow_id", [True, False])
def test_a_submission_in_doubt_is_found_again(amazon, emulator, keep_workflow_id):
    emulator.settings(keep_workflow_id=keep_workflow_id)
    before = datetime.now(UTC)
    other, wanted = make_execution(sql="SELECT COUNT(*) AS n FROM dsp_clicks"), make_execution()
    amazon.ask(lambda client: client.create_execution(other))
    emulator.fault("create_execution", "reset_after")
    with pytest.raises(SubmissionUnknown):
        amazon.ask(lambda client: client.create_execution(wanted))

    found = amazon.ask(
        lambda client: listed(client, min_creation_time=before, include_workflow=True)
    )
    ours = [
        one.sql_query
        for one in found
        if matches_submission(
            one,
            workflow_id=wanted.workflow_id,
            window_start=WINDOW.start,
            window_end=WINDOW.end,
            parameter_values={},
            created_after=before,
            sql=wanted.sql,
        )
    ]

    assert len(found) == 2
    assert ours == [wanted.sql]


def test_a_refused_query_keeps_amazons_words_and_is_not_repeated(amazon, emulator):
    with pytest.raises(RequestRejected) as caught:
        amazon.submit(sql="SELECT * FROM no_such_table")

    assert caught.value.status == 400
    assert len(emulator.calls("create_execution")) == 1


@pytest.mark.parametrize("is_token_refused", [False, True])
def test_the_submission_after_one_answered_401_has_a_new_token(amazon, emulator, is_token_refused):
    emulator.fault("create_execution", "unauthorized")
    if is_token_refused:
        emulator.fault("token", "server_error", skip=1)
    with pytest.raises(SubmissionUnknown):
        amazon.submit()
    assert len(emulator.calls("create_execution")) == 1

    if is_token_refused:  # nobody could renew it, so that the next 401 does
        emulator.fault("create_execution", "unauthorized")
        with pytest.raises(SubmissionUnknown):
            amazon.submit()
    amazon.submit()

    assert len(emulator.executions()) == 1
    assert [call["status"] for call in emulator.calls("token")][-1] == 200
