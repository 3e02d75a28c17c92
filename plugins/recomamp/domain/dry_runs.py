"""Dry runs: AMC compiles a workflow's query once, before any schedule is due."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from recomamp.domain.scheduling.windows import Window
from recomamp.domain.sql.parameter_types import ParameterType, Scalar
from recomamp.domain.sql.parameters import Parameter
from recomamp.domain.text import one_line

MAX_MESSAGE_CHARS = 2_000
FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(days=1)

# Not in any query that runs: where AMC keeps no names, the query says that this is a dry run
_MARK = "\n/* dry run */"
_DATA_IS_COMPLETE = timedelta(days=2)

# Amazon's words of what is not about the query, and may be over at the next try
_MAY_PASS = re.compile(
    r"too many (?:workflows|requests)|requireSyntheticData|terms and conditions|try again",
    re.IGNORECASE,
)

_SAMPLES: Mapping[ParameterType, Scalar] = {
    ParameterType.STRING: "x",
    ParameterType.INTEGER: 1,
    ParameterType.LONG: 1,
    ParameterType.DOUBLE: 1.5,
    ParameterType.DECIMAL: Decimal("1.5"),
    ParameterType.BOOLEAN: True,
    ParameterType.DATE: date(2025, 1, 1),
    ParameterType.TIMESTAMP: datetime(2025, 1, 1, tzinfo=UTC),
}


class DryRunStatus(StrEnum):
    """AMC's answer to a dry run (constraint ``chk_workflow_dry_run_status``)."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    INVALID = "INVALID"  # it cannot be sent, or only with values that AMC refuses
    UNKNOWN = "UNKNOWN"  # no answer about the query; tried again


@dataclass(frozen=True, kw_only=True, slots=True)
class DryRunAnswer:
    """What a dry run has shown, with AMC's words or ours."""

    status: DryRunStatus
    message: str | None = None


def refused(words: str, sampled: list[str]) -> DryRunAnswer:
    """Return what AMC's refusal says about the query.

    :param sampled: parameters without a value. AMC may have refused their sample values.
    """
    said = one_line(words, MAX_MESSAGE_CHARS // 2) or "without a text"
    if _MAY_PASS.search(said):
        return DryRunAnswer(status=DryRunStatus.UNKNOWN, message=said)
    if sampled:
        names = one_line(", ".join(sampled), MAX_MESSAGE_CHARS // 4)
        return DryRunAnswer(
            status=DryRunStatus.INVALID,
            message=(
                f"AMC refuses the query with sample values of {names}; give them defaults in "
                f"workflows.parameters. AMC's words: {said}"
            ),
        )
    return DryRunAnswer(status=DryRunStatus.REFUSED, message=said)


def marked(sql: str) -> str:
    """Return the query with the comment of dry runs, so that no execution is taken for one."""
    return sql + _MARK


def sample_window(now: datetime) -> Window:
    """Return the latest day in UTC whose data is complete."""
    day = (now - _DATA_IS_COMPLETE).astimezone(UTC).date()
    end = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Window(start=end - timedelta(days=1), end=end, time_zone="UTC")


def with_samples(
    parameters: Mapping[str, Parameter],
) -> tuple[dict[str, Parameter], list[str]]:
    """Return the parameters with a value for each that needs one, and the names of those."""
    missing = [name for name, one in parameters.items() if one.value is None and one.required]
    samples = {name: replace(parameters[name], value=_sample(parameters[name])) for name in missing}
    return {**parameters, **samples}, sorted(missing)


def next_try_at(answer: DryRunAnswer, attempts: int, now: datetime) -> datetime | None:
    """Return when the next dry run of the same version comes, None where AMC has answered.

    :param attempts: those so far, this one included.
    """
    if answer.status is not DryRunStatus.UNKNOWN:
        return None
    return now + min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 20)))


def _sample(parameter: Parameter) -> Scalar | tuple[Scalar, ...]:
    value = _SAMPLES[parameter.type]
    return (value,) if parameter.is_array else value
