from __future__ import annotations

import asyncio

import pytest

from fixtures.amazon import Pauses
from recomamp.amazon.retry import RetryPolicy
from recomamp.errors import AmazonError, RequestRejected, SubmissionUnknown, TransientError


class Service:
    """Fails as told, then answers."""

    def __init__(self, *errors: AmazonError) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, number: int) -> str:
        self.calls += 1
        assert number == self.calls
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def ask(service: Service, policy: RetryPolicy | None = None) -> tuple[str, list[float]]:
    pauses = Pauses()
    answer = asyncio.run((policy or RetryPolicy()).call(service, pauses))
    return answer, pauses.seconds


def test_transient_errors_are_tried_again_after_growing_random_waits():
    policy = RetryPolicy(attempts=7, first_seconds=2.0, longest_seconds=10.0)

    answer, waits = ask(Service(*(TransientError() for _ in range(6))), policy)

    assert answer == "answer"
    assert len(waits) == 6
    assert all(0 <= wait <= most for wait, most in zip(waits, (2, 4, 8, 10, 10, 10), strict=True))
    assert len(set(waits)) == 6


def test_retry_after_is_obeyed_to_the_second():
    assert ask(Service(TransientError(retry_after_seconds=37.0))) == ("answer", [37.0])


@pytest.mark.parametrize("asked", [0.0, 0.001])
def test_a_retry_after_never_shortens_the_back_off(monkeypatch, asked):
    monkeypatch.setattr("tenacity.wait.random.uniform", lambda least, most: most)

    _, waits = ask(Service(*(TransientError(retry_after_seconds=asked) for _ in range(4))))

    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_after_the_last_try_the_error_itself_is_raised():
    last = TransientError("the third")

    with pytest.raises(TransientError, match="the third") as caught:
        ask(Service(TransientError(), TransientError(), last), RetryPolicy(attempts=3))

    assert caught.value is last


@pytest.mark.parametrize(
    "error", [RequestRejected(), SubmissionUnknown()], ids=["refused", "in doubt"]
)
def test_other_errors_are_not_tried_again(error):
    service = Service(error)

    with pytest.raises(type(error)):
        ask(service)

    assert service.calls == 1


def test_who_asks_for_more_patience_than_there_is_is_not_asked_again():
    service = Service(
        TransientError(retry_after_seconds=10.0), TransientError(retry_after_seconds=11.0)
    )

    with pytest.raises(TransientError):
        ask(service, RetryPolicy(patience_seconds=10.0))

    assert service.calls == 2
