"""One part that fails stops no other, and what is known of one tenant fails no work for all."""

from __future__ import annotations

import logging
from collections import Counter
from uuid import UUID, uuid4

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.errors import (
    ConfigurationError,
    ConsentRevoked,
    InstanceUnusable,
    InvalidDefinition,
    PartialFailure,
    RequestRejected,
    TokensUnreadable,
    TransientError,
)
from recomamp.pipeline.log_table import as_table
from recomamp.pipeline.partial_failures import FailureCollector, in_turns, rotated

KNOWN = [ConsentRevoked, InstanceUnusable, InvalidDefinition, RequestRejected, TokensUnreadable]
UNKNOWN = [
    ConfigurationError,
    TransientError,
    ValueError,
    psycopg2.DataError,
    RecursionError,
    KeyError,
]


@pytest.mark.parametrize("kind", [*KNOWN, *UNKNOWN])
def test_whatever_goes_wrong_with_a_tenants_part_the_others_go_on(kind: type[Exception]) -> None:
    found, done = FailureCollector.of_tenants(), []
    for part in ("ann", "bob"):
        with found.capture(part):
            if part == "ann":
                raise kind("said")
            done.append(part)
    assert done == ["bob"]
    if kind in KNOWN:
        found.raise_unknown("not done")
    else:
        with pytest.raises(PartialFailure, match=r"1 not done: ann: .*said") as raised:
            found.raise_unknown("not done")
        assert not raised.value.is_tenants_own


ANN, BOB = uuid4(), uuid4()


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize(
    ("failed", "done", "is_raised"),
    [
        ([ANN, BOB], [], True),
        ([ANN, BOB], [None], True),  # a part that is nobody's says nothing of users
        ([ANN, BOB], [BOB], False),
        ([ANN, ANN], [], False),
        ([ANN, None], [], False),
    ],
)
def test_what_all_of_several_users_meet_is_not_one_tenants_own(
    kind: type[Exception], failed: list[UUID | None], done: list[UUID | None], is_raised: bool
) -> None:
    found = FailureCollector.of_tenants()
    for number, user_id in enumerate(failed):
        with found.capture(f"part {number}", user_id=user_id):
            raise kind("said")
    for user_id in done:
        with found.capture("another part", user_id=user_id):
            pass
    if not is_raised:
        found.raise_unknown("not done")
        return
    with pytest.raises(PartialFailure, match=r"2 not done; .*settings.*: part 0: said; ") as raised:
        found.raise_unknown("not done")
    assert raised.value.is_final
    assert not raised.value.is_tenants_own


def test_what_a_users_parts_all_need_ends_them_at_once() -> None:
    with pytest.raises(ConsentRevoked), FailureCollector().capture("a list"):
        raise ConsentRevoked("sign in again")


def test_parts_of_one_tenant_that_are_all_known_are_known_together() -> None:
    inner, outer = FailureCollector(), FailureCollector.of_tenants()
    with inner.capture("a list"):
        raise RequestRejected("HTTP 403")
    with outer.capture("ann"):
        inner.raise_if_any("lists not read")
    outer.raise_unknown("not synced")
    with inner.capture("another list"):
        raise TransientError("HTTP 503")
    with outer.capture("ann"):
        inner.raise_if_any("lists not read")
    with pytest.raises(PartialFailure, match="HTTP 503"):
        outer.raise_unknown("not synced")


ODD = "odd\r\n2026-01-01 ERROR forged\x1b[2J\u202e\u2028"


@pytest.mark.parametrize("kind", [RequestRejected, ValueError])
def test_a_log_has_a_line_for_each_line(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    found = FailureCollector.of_tenants()
    with caplog.at_level(logging.WARNING), found.capture(f"part {ODD}"):
        raise kind(ODD)
    assert not {"\x1b", "\r", "\u202e", "\u2028"} & {*caplog.text}
    assert not any(line.startswith("2026") for line in caplog.text.splitlines())
    assert (f"raise kind({'ODD'})" in caplog.text) is (kind is ValueError)  # the traceback
    assert "\x1b" not in str(found)


def test_a_table_has_a_line_for_each_row() -> None:
    assert len(as_table(("head", "of\ncell"), [(ODD, 1), ("x", "y")]).splitlines()) == 5


@given(st.lists(st.tuples(st.integers(0, 4), st.integers())))
def test_each_owners_first_comes_before_anybodys_second(parts: list[tuple[int, int]]) -> None:
    turns = in_turns(parts, lambda part: part[0])
    assert Counter(turns) == Counter(parts)
    so_far: Counter[int] = Counter()
    places = []
    for owner, _ in turns:
        so_far[owner] += 1
        places.append(so_far[owner])
    assert places == sorted(places)


@given(st.lists(st.integers()), st.integers(0, 10_000_000))
def test_each_part_is_first_once(parts: list[int], day: int) -> None:
    firsts = [rotated(parts, day + number)[:1] for number in range(len(parts))]
    assert Counter(one for first in firsts for one in first) == Counter(parts)
    assert Counter(rotated(parts, day)) == Counter(parts)
