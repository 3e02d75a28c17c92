"""Asking about many executions: calls per round are bounded, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.amazon import make_account
from recomamp.amazon.amc.client import AmcClient
from recomamp.errors import AmazonError, RequestRejected, TransientError
from recomamp.pipeline.triggers.status_fetcher import ONE_TRY, StatusFetcher, calls_allowed

SUBMITTED = datetime(2026, 1, 5, tzinfo=UTC)
PAGE = 100


@dataclass
class Amc:
    """AMC's list of an instance, newest first, and what goes wrong with it."""

    listed: list[str]
    unlisted: list[str] = field(default_factory=list)  # found singly only: the list lags
    failing: list[int] = field(default_factory=list)  # statuses of the next answers
    lists: int = 200  # status of the list
    refused: int = 200  # status of a single execution
    tokens_live: bool = True
    calls: Counter[str] = field(default_factory=Counter)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        is_list = name == "workflowExecutions"
        self.calls["list" if is_list else "get"] += 1
        if self.failing and (status := self.failing.pop(0)) != 200:
            return httpx.Response(status, json={}, headers={"Retry-After": "120"})
        return self._page(request) if is_list else self._one(name)

    def _page(self, request: httpx.Request) -> httpx.Response:
        token = request.url.params.get("nextToken")
        if self.lists != 200 or (token and not self.tokens_live):
            return httpx.Response(self.lists if self.lists != 200 else 400, json={})
        start = int(token or 0)
        body = {"executions": [wait_until_ended(key) for key in self.listed[start : start + PAGE]]}
        if start + PAGE < len(self.listed):
            body["nextToken"] = str(start + PAGE)  # type: ignore[assignment]
        return httpx.Response(200, json=body)

    def _one(self, key: str) -> httpx.Response:
        self.asked.append(key)
        if self.refused != 200 or key not in {*self.listed, *self.unlisted}:
            return httpx.Response(self.refused if self.refused != 200 else 404, json={})
        return httpx.Response(200, json=wait_until_ended(key))


def wait_until_ended(key: str) -> dict[str, str]:
    return {"workflowExecutionId": key, "status": "SUCCEEDED"}


def names(prefix: str, number: int) -> list[str]:
    return [f"{prefix}{one}" for one in range(number)]


def rounds_until_all_are_told(amc: Amc, wanted: list[str], *, most: int) -> int:
    """Look round by round, each within its allowance; return how many rounds it took."""

    async def run() -> int:
        left = set(wanted)
        async with AmcClient(
            make_account("http://amc"),
            httpx.Auth(),
            transport=httpx.MockTransport(amc.answer),
            retry=ONE_TRY,
        ) as client:
            fetcher = StatusFetcher(client)
            for number in count(1):
                amc.calls.clear()
                seen = set[str]()
                allowed = calls_allowed(len(left))
                try:
                    async for one in fetcher.fetch(dict.fromkeys(sorted(left), SUBMITTED)):
                        seen.add(one.amc_execution_id)
                except TransientError:
                    pass
                assert amc.calls.total() <= allowed, amc.calls
                left -= seen
                if not left:
                    return number
                assert number < most, f"not told after {number} rounds: {sorted(left)[:3]}"
        raise AssertionError

    return asyncio.run(run())


@pytest.mark.parametrize(("waiting", "allowed"), [(1, 2), (100, 2), (101, 3), (1000, 11)])
def test_a_round_may_make_a_call_per_hundred_and_one_more(waiting: int, allowed: int) -> None:
    assert calls_allowed(waiting) == allowed


@pytest.mark.parametrize(
    ("waiting", "others", "rounds"),
    [
        (1, 0, 1),
        (130, 0, 1),
        (1000, 0, 1),
        (100, 90, 1),  # the second page is the one call more
        (1, 5000, 1),  # a single call is cheaper than fifty pages
        (3, 600, 4),  # seven pages, two in each round
        (100, 1000, 6),  # eleven pages, two in each round
    ],
)
def test_however_long_the_list_is_a_round_keeps_its_bound_and_the_next_goes_on(
    waiting: int, others: int, rounds: int
) -> None:
    amc = Amc(names("other", others) + names("ours", waiting))
    assert rounds_until_all_are_told(amc, names("ours", waiting), most=10) <= rounds


def test_executions_that_the_list_leaves_out_are_asked_for_by_turns() -> None:
    amc = Amc([], names("late", 40))
    assert rounds_until_all_are_told(amc, names("late", 40), most=40) <= 40
    assert amc.asked == sorted(set(amc.asked), key=amc.asked.index), "somebody was asked twice"


def test_one_that_amc_never_shows_takes_no_call_from_the_others_for_long() -> None:
    amc = Amc(names("other", 450) + names("ours", 20))
    with pytest.raises(AssertionError, match="not told"):
        rounds_until_all_are_told(amc, [*names("ours", 20), "gone"], most=30)
    assert set(amc.asked) == {"gone"}


def test_where_tokens_live_for_one_round_only_everybody_is_asked_singly_in_the_end() -> None:
    amc = Amc(names("other", 900) + names("ours", 12), tokens_live=False)
    assert rounds_until_all_are_told(amc, names("ours", 12), most=40) <= 24


@settings(max_examples=60, deadline=None)
@given(
    ours=st.integers(1, 250),
    late=st.integers(0, 30),
    others=st.integers(0, 700),
    failing=st.lists(st.sampled_from([200, 429, 503]), max_size=12),
    tokens_live=st.booleans(),
    shuffle=st.randoms(),
)
def test_whatever_amc_does_calls_are_bounded_and_nobody_is_forgotten(
    ours: int,
    late: int,
    others: int,
    failing: list[int],
    tokens_live: bool,
    shuffle: st.DataObject,
) -> None:
    listed = names("ours", ours) + names("other", others)
    shuffle.shuffle(listed)  # type: ignore[attr-defined]
    amc = Amc(listed, names("late", late), failing=failing, tokens_live=tokens_live)
    wanted = names("ours", ours) + names("late", late)
    rounds_until_all_are_told(amc, wanted, most=2 * len(wanted) + len(failing) + 20)


def look_once(amc: Amc, wanted: list[str]) -> None:
    rounds_until_all_are_told(amc, wanted, most=1)


def test_a_list_that_is_refused_leaves_single_calls_within_the_bound() -> None:
    amc = Amc(names("ours", 5), lists=403)
    assert rounds_until_all_are_told(amc, names("ours", 5), most=5) == 5


def test_nobody_can_watch_where_amc_refuses_single_calls_too() -> None:
    with pytest.raises(RequestRejected):
        look_once(Amc(names("ours", 5), lists=403, refused=403), names("ours", 5))


def test_one_execution_that_is_gone_does_not_pass_for_a_refusal_of_all() -> None:
    amc = Amc(names("ours", 3), lists=403)
    with pytest.raises(AssertionError, match="not told"):
        rounds_until_all_are_told(amc, ["a gone one", *names("ours", 3)], most=9)
    assert set(amc.asked) == {"a gone one", *names("ours", 3)}


def test_a_round_ends_where_amc_asks_to_be_left_alone_and_tells_for_how_long() -> None:
    amc = Amc(names("ours", 5), failing=[429])

    async def run() -> None:
        async with AmcClient(
            make_account("http://amc"),
            httpx.Auth(),
            transport=httpx.MockTransport(amc.answer),
            retry=ONE_TRY,
        ) as client:
            async for _ in StatusFetcher(client).fetch({"ours1": SUBMITTED}):
                pass

    with pytest.raises(AmazonError) as told:
        asyncio.run(run())
    assert told.value.retry_after_seconds == 120
    assert amc.calls.total() == 1
