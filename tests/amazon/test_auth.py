"""One refresh for everybody, over real HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.amazon import MemoryTokenStore, long_lived, make_execution, make_tokens
from recomamp.errors import (
    ConfigurationError,
    ConsentRevoked,
    SubmissionUnknown,
    TransientError,
)


def look(amazon, times: int = 1) -> None:
    """List executions that many times, one after the other, in one process."""

    async def run() -> None:
        async with amazon.client() as client:
            for _ in range(times):
                assert [one async for one in client.list_executions(workflow_id="x")] == []

    asyncio.run(run())


def test_a_consent_never_used_is_refreshed_first(amazon, emulator):
    look(amazon)

    assert len(emulator.calls("token")) == 1
    assert amazon.store.tokens.usable(datetime.now(UTC))
    assert amazon.store.tokens.refresh_token == "Atzr|demo-north"


def test_a_usable_token_is_read_once_and_not_refreshed(amazon, emulator):
    look(amazon)
    reads = amazon.store.reads

    look(amazon, times=5)

    assert len(emulator.calls("token")) == 1
    assert amazon.store.reads == reads + 1


def test_a_token_about_to_expire_is_refreshed_before_it_is_used(amazon, emulator):
    look(amazon)
    first = amazon.store.tokens
    amazon.store.tokens = replace(first, expires_at=datetime.now(UTC) + timedelta(minutes=4))

    look(amazon)

    assert len(emulator.calls("token")) == 2
    assert amazon.store.tokens.access_token != first.access_token


def test_a_refused_token_is_refreshed_once_and_the_call_is_sent_again(amazon, emulator):
    amazon.store = MemoryTokenStore(long_lived("Atza|unknown-to-amazon"))

    look(amazon)

    assert len(emulator.calls("token")) == 1
    assert [call["status"] for call in emulator.calls("list_executions")] == [401, 200]


def test_a_refused_token_that_somebody_else_has_renewed_is_not_renewed_again(amazon, emulator):
    async def run() -> None:
        async with amazon.client() as late, amazon.client() as early:
            for client in (late, early):
                assert [one async for one in client.list_executions(workflow_id="x")] == []
            emulator.fault("list_executions", "unauthorized")
            assert [one async for one in early.list_executions(workflow_id="x")] == []
            emulator.fault("list_executions", "unauthorized")
            assert [one async for one in late.list_executions(workflow_id="x")] == []

    asyncio.run(run())

    assert len(emulator.calls("token")) == 2  # the first one, and the one of `early`
    answers = [call["status"] for call in emulator.calls("list_executions")]
    assert answers == [200, 200, 401, 200, 401, 200]


@pytest.mark.parametrize(("kept", "looks"), [(None, 0), ("Atza|unknown-to-amazon", 1)])
def test_a_token_endpoint_that_is_away_is_asked_no_oftener_than_a_call(
    amazon, emulator, kept, looks
):
    amazon.store = MemoryTokenStore(long_lived(kept) if kept else make_tokens())
    emulator.fault("token", "server_error", times=None, status=503)

    with pytest.raises(TransientError, match="503"):
        look(amazon)

    assert len(emulator.calls("token")) == 5
    assert len(emulator.calls("list_executions")) == looks  # not again with the refused token
    assert [call.attempt for call in amazon.failed_calls if call.operation == "token"] == [
        1, 2, 3, 4, 5,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "tokens", [make_tokens(), long_lived("Atza|unknown-to-amazon")], ids=["none yet", "refused"]
)
def test_many_callers_at_once_cause_one_refresh(amazon, emulator, tokens):
    amazon.store = MemoryTokenStore(tokens)

    async def one_process() -> None:
        async with amazon.client() as client:
            assert [one async for one in client.list_executions(workflow_id="x")] == []

    async def run() -> None:
        await asyncio.gather(*(one_process() for _ in range(20)))

    asyncio.run(run())

    assert len(emulator.calls("token")) == 1


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("server_error", {"status": 503, "html": True}),
        ("throttle", {"retry_after": 4}),
        ("reset_after", {}),
        ("html_body", {}),
    ],
)
def test_a_refresh_is_tried_again_on_transient_trouble(amazon, emulator, fault, options):
    emulator.fault("token", fault, times=2, **options)

    look(amazon)

    assert len(emulator.calls("token")) == 3
    assert len(amazon.pauses.seconds) == 2


def test_trouble_with_the_refresh_does_not_put_a_submission_in_doubt(amazon, emulator):
    emulator.fault("token", "server_error", times=None, status=500)

    async def run() -> None:
        async with amazon.client() as client:
            await client.create_execution(make_execution())

    with pytest.raises(TransientError) as caught:
        asyncio.run(run())

    assert not isinstance(caught.value, SubmissionUnknown)
    assert emulator.calls("create_execution") == []


def test_a_revoked_consent_is_said_so_and_never_retried(amazon, emulator):
    emulator.revoke("ENTITYDEMONORTH")

    with pytest.raises(ConsentRevoked, match="sign in with Amazon again") as caught:
        look(amazon)

    assert len(emulator.calls("token")) == 1
    assert "Atzr" not in str(caught.value)
    assert amazon.store.tokens == make_tokens()


def test_a_missing_refresh_token_is_not_sent(amazon, emulator):
    amazon.store = MemoryTokenStore(make_tokens(refresh_token=""))

    with pytest.raises(ConsentRevoked, match="sign in with Amazon again"):
        look(amazon)

    assert emulator.calls() == []


def test_a_wrong_secret_names_the_setting_and_not_the_secret(amazon, emulator):
    amazon.credentials = replace(amazon.credentials, client_secret="wrong-secret")

    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_AMAZON_ADS") as caught:
        look(amazon)

    assert "wrong-secret" not in str(caught.value)
    assert len(emulator.calls("token")) == 1


def test_a_403_wipes_nothing(amazon, emulator):
    look(amazon)
    tokens = amazon.store.tokens
    emulator.fault("list_executions", "forbidden")

    with pytest.raises(Exception, match="403"):
        look(amazon)

    assert amazon.store.tokens is tokens
    assert len(emulator.calls("token")) == 1
