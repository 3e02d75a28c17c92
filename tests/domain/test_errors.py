"""The codes of errors that the database keeps: written down, not derived."""

from __future__ import annotations

from collections.abc import Iterator

from recomamp.errors import ExecutionFailed, FinalAttemptFailed, PipelineError


def kinds(kind: type[PipelineError] = PipelineError) -> Iterator[type[PipelineError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from kinds(narrower)


def test_every_kind_of_error_says_its_own_code() -> None:
    silent = [kind.__name__ for kind in kinds() if "error_type" not in vars(kind)]
    assert silent == []


def test_no_two_kinds_share_a_code_but_for_the_last_of_several_attempts() -> None:
    codes = [kind.error_type for kind in kinds() if kind is not FinalAttemptFailed]
    assert sorted(codes) == sorted(set(codes))
    assert FinalAttemptFailed.error_type == ExecutionFailed.error_type
