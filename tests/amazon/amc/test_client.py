"""The calls of the client and the ordinary faults, over real HTTP."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fixtures.amazon import WINDOW, listed, make_execution
from recomamp.amazon.amc.client import AmcClient
from recomamp.domain.execution_states import AmcStatus
from recomamp.errors import RequestRejected, TransientError, Unauthorized


def test_a_query_is_submitted_and_answered_as_an_execution(amazon, emulator):
    execution = amazon.submit(workflow_id="recomamp-1")

    assert execution.status is AmcStatus.PENDING
    assert execution.workflow_id == "recomamp-1"
    assert (execution.window_start, execution.window_end) == (WINDOW.start, WINDOW.end)
    assert execution.request_id
    assert [one["workflowExecutionId"] for one in emulator.executions()] == [
        execution.amc_execution_id
    ]


def test_an_execution_is_read_by_its_id(amazon):
    created = amazon.submit()

    execution = amazon.ask(lambda client: client.get_execution(created.amc_execution_id))

    assert execution.amc_execution_id == created.amc_execution_id
    assert execution.create_time == created.create_time


@pytest.mark.parametrize("operation", ["create_execution", "get_execution"])
def test_the_wrapped_shape_is_understood(amazon, emulator, operation):
    emulator.fault(operation, "wrapped")

    created = amazon.submit()
    execution = amazon.ask(lambda client: client.get_execution(created.amc_execution_id))

    assert execution.amc_execution_id == created.amc_execution_id
    assert execution.workflow_id == created.workflow_id


def test_an_unknown_status_is_no_error(amazon, emulator):
    created = amazon.submit()
    emulator.fault("get_execution", "unknown_status", status="HIBERNATING")

    execution = amazon.ask(lambda client: client.get_execution(created.amc_execution_id))

    assert (execution.status, execution.amc_status) == (AmcStatus.UNKNOWN, "HIBERNATING")


def test_an_execution_that_does_not_exist_is_refused_in_amazons_words(amazon):
    with pytest.raises(RequestRejected, match="does not exist") as caught:
        amazon.ask(lambda client: client.get_execution("nobody"))

    assert caught.value.status == 404
    assert caught.value.request_id


def test_somebody_elses_instance_is_refused_and_nothing_else_happens(amazon, emulator):
    with pytest.raises(RequestRejected, match="Unauthorized request") as caught:
        amazon.ask(
            lambda client: client.create_execution(make_execution()),
            instance_id="amcdemoeurope",
        )

    assert caught.value.status == 403
    assert len(emulator.calls("token")) == 1
    assert amazon.store.tokens.refresh_token == "Atzr|demo-north"


def test_executions_are_found_by_their_name(amazon):
    wanted = amazon.submit(workflow_id="recomamp-1")
    amazon.submit(workflow_id="recomamp-2")

    found = amazon.ask(lambda client: listed(client, workflow_id="recomamp-1"))

    assert [one.amc_execution_id for one in found] == [wanted.amc_execution_id]


def test_a_list_goes_through_all_pages(amazon, emulator):
    async def create_many(client: AmcClient) -> list[str]:
        made = [await client.create_execution(make_execution()) for _ in range(103)]
        return [one.amc_execution_id for one in made]

    emulator.progression("per_poll", polls=1000)
    made = amazon.ask(create_many)
    since = datetime.now(UTC) - timedelta(minutes=5)

    found = amazon.ask(lambda client: listed(client, min_creation_time=since))

    assert [one.amc_execution_id for one in found] == made[::-1]
    assert len(emulator.calls("list_executions")) == 2


def test_cancelled_executions_are_listed(amazon, emulator):
    emulator.progression("per_poll", polls=1000)
    created = amazon.submit(workflow_id="recomamp-1")
    amazon.ask(lambda client: client.cancel_execution(created.amc_execution_id))

    found = amazon.ask(lambda client: listed(client, workflow_id="recomamp-1"))

    assert [one.status for one in found] == [AmcStatus.CANCELLED]


def test_cancelling_returns_what_amc_then_says(amazon, emulator):
    emulator.progression("per_poll", polls=1000)
    created = amazon.submit()

    cancelled = amazon.ask(lambda client: client.cancel_execution(created.amc_execution_id))

    assert cancelled.status is AmcStatus.CANCELLED
    assert [call["operation"] for call in emulator.calls()][-2:] == [
        "cancel_execution",
        "get_execution",
    ]


def test_cancelling_what_has_ended_returns_how_it_ended(amazon, emulator):
    emulator.progression("per_poll", polls=100)
    created = amazon.submit()
    emulator.end(created.amc_execution_id, "FAILED", "out of memory")

    execution = amazon.ask(lambda client: client.cancel_execution(created.amc_execution_id))

    assert execution.status is AmcStatus.FAILED
    assert execution.status_reason == "out of memory"


def test_cancelling_what_does_not_exist_is_refused(amazon):
    with pytest.raises(RequestRejected, match="does not exist"):
        amazon.ask(lambda client: client.cancel_execution("nobody"))


def test_the_tables_of_the_instance_are_listed(amazon):
    async def names(client: AmcClient) -> set[str]:
        return {one["dataSourceId"] async for one in client.list_data_sources()}

    assert "dsp_impressions" in amazon.ask(names)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("server_error", {"status": 500}),
        ("server_error", {"status": 503, "html": True}),
        ("html_body", {}),
        ("reset_before", {}),
        ("reset_after", {}),
        ("timeout_after", {"gateway_timeout": True}),
        ("throttle", {}),
        ("throttle", {"after": True}),
    ],
)
def test_a_read_is_tried_again_until_it_succeeds(amazon, emulator, fault, options):
    created = amazon.submit()
    emulator.fault("get_execution", fault, times=2, **options)

    execution = amazon.ask(lambda client: client.get_execution(created.amc_execution_id))

    assert execution.amc_execution_id == created.amc_execution_id
    assert len(emulator.calls("get_execution")) == 3
    assert len(amazon.pauses.seconds) == 2


def test_a_read_that_gets_no_answer_in_time_is_tried_again(amazon, emulator):
    created = amazon.submit()
    emulator.fault("get_execution", "timeout_before")

    execution = amazon.ask(
        lambda client: client.get_execution(created.amc_execution_id),
        timeout=httpx.Timeout(30, read=1.0),
    )

    assert execution.amc_execution_id == created.amc_execution_id


def test_a_read_that_never_succeeds_ends_in_the_last_error(amazon, emulator):
    emulator.fault("list_executions", "server_error", times=None, status=502)

    with pytest.raises(TransientError) as caught:
        amazon.ask(lambda client: listed(client, workflow_id="recomamp-1"))

    assert caught.value.status == 502
    assert len(emulator.calls("list_executions")) == 5


@pytest.mark.parametrize("retry_after", [7, "http-date"])
def test_a_throttled_call_waits_as_long_as_amazon_asks(amazon, emulator, retry_after):
    created = amazon.submit()
    emulator.fault("get_execution", "throttle", retry_after=retry_after, retry_after_seconds=7)

    amazon.ask(lambda client: client.get_execution(created.amc_execution_id))

    assert len(amazon.pauses.seconds) == 1
    assert amazon.pauses.seconds[0] == pytest.approx(7, abs=1)


def test_a_second_401_is_an_error(amazon, emulator):
    emulator.fault("get_execution", "unauthorized", times=None)

    with pytest.raises(Unauthorized):
        amazon.ask(lambda client: client.get_execution("e-1"))

    assert len(emulator.calls("get_execution")) == 2


def test_every_call_carries_amazons_headers(amazon, emulator):
    amazon.submit()

    headers = {name.lower() for name in emulator.calls("create_execution")[0]["headers"]}

    assert headers >= {
        "amazon-advertising-api-clientid",
        "amazon-advertising-api-advertiserid",
        "amazon-advertising-api-marketplaceid",
        "authorization",
        "content-type",
        "user-agent",
    }


def test_a_failed_call_is_logged_in_one_line_without_secrets(amazon, emulator, caplog):
    caplog.set_level(logging.DEBUG)
    emulator.fault("get_execution", "forbidden")

    with pytest.raises(RequestRejected) as caught:
        amazon.ask(lambda client: client.get_execution("e-1"))

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        "GET /amc/reporting/amcdemonorth/workflowExecutions/e-1 failed: RequestRejected, "
        f"status 403, request id {caught.value.request_id}"
    ]
    assert "Atz" not in caplog.text
    assert amazon.credentials.client_secret not in caplog.text
