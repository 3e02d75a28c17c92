"""Where the real answers differ from what the emulator says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from live.exchanges import Exchange
from live.steps import SmokeRun


def differences(real: SmokeRun, emulated: SmokeRun) -> list[str]:
    """Return each difference as a line: outcomes of steps, then calls in the order of the run."""
    return [*_outcomes(real, emulated), *_exchanges(real.exchanges, emulated.exchanges)]


def _outcomes(real: SmokeRun, emulated: SmokeRun) -> Iterator[str]:
    for step, outcome in real.outcomes.items():
        expected = emulated.outcomes.get(step)
        if outcome != expected:
            yield f"{step}: ended with {outcome!r}, the emulator's with {expected!r}"


def _exchanges(real: Iterable[Exchange], emulated: Iterable[Exchange]) -> Iterator[str]:
    expected = _last_of_each(emulated)
    for key, exchange in _last_of_each(real).items():
        place = f"{exchange.step}: {exchange.call}"
        if key not in expected:
            yield f"{place}: was not called at the emulator"
            continue
        yield from (f"{place}: {words}" for words in _compare(exchange, expected[key]))


def _last_of_each(exchanges: Iterable[Exchange]) -> dict[tuple[str, str], Exchange]:
    """Return the last answer of each call of a step: of polls the one that ended them."""
    return {(one.step, one.call): one for one in exchanges}


def _compare(real: Exchange, emulated: Exchange) -> Iterator[str]:
    if real.status != emulated.status:
        yield f"status {real.status}, the emulator's {emulated.status}"
    if real.content_type != emulated.content_type:
        yield f"content type {real.content_type!r}, the emulator's {emulated.content_type!r}"
    for name in sorted(real.headers ^ emulated.headers):
        owner = "Amazon's" if name in real.headers else "the emulator's"
        yield f"header {name} only in {owner} answer"
    for path in sorted(real.shape.keys() | emulated.shape.keys()):
        mine, theirs = real.shape.get(path), emulated.shape.get(path)
        if mine != theirs:
            yield f"field {path} is {mine or 'absent'}, the emulator's {theirs or 'absent'}"
    if real.words != emulated.words:
        yield f"Amazon's words: {real.words!r}, the emulator's: {emulated.words!r}"
