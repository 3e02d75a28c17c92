"""Restatement: reading windows again at planned ages, because AMC's figures change afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

DEFAULT_THRESHOLD = Decimal("0.001")
MAX_AGES = 6
MAX_AGE_DAYS = 90
MAX_OPEN_REQUESTS = 50  # of a user; the default of user_quotas.max_open_restatements

_RUN_PREFIX = "restate__"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restatement:
    """The plan of a schedule or a collection.

    :param ages: days after a window's end, increasing.
    :param threshold: two successive versions that differ by less end it; 0 for never.
    """

    ages: tuple[int, ...]
    threshold: Decimal = DEFAULT_THRESHOLD


def run_id_of(request_id: object) -> str:
    """Return Airflow's id of the run that a request for restatement creates."""
    return f"{_RUN_PREFIX}{request_id}"


def is_restatement(dag_run_id: str) -> bool:
    """Return whether a run reads a window again by plan."""
    return dag_run_id.startswith(_RUN_PREFIX)


def read_restatement(
    options: Mapping[str, Any], *, is_explicit: bool, lag_days: int
) -> Restatement | None:
    """Read the options of a definition's window, None where it is never read again.

    :param is_explicit: whether the pipeline names the window, and not AMC.
    :param lag_days: the lag of the definition; the first reading comes after it.
    :raises ValueError: with what is wrong about the options.
    """
    threshold = options.get("restate_threshold", DEFAULT_THRESHOLD)
    is_number = isinstance(threshold, int | float | Decimal) and not isinstance(threshold, bool)
    if not is_number or not 0 <= threshold <= 1:
        raise ValueError(f"restate_threshold: {threshold!r} is not a number from 0 to 1")
    if "restate_days" not in options:
        return None
    if not is_explicit:
        raise ValueError("restate_days needs windows of the pipeline; leave out type or it")
    ages = options["restate_days"]
    if not isinstance(ages, list) or not 1 <= len(ages) <= MAX_AGES:
        raise ValueError(f"restate_days is not a list of 1 to {MAX_AGES} whole days")
    least = lag_days + 1
    for age in ages:
        if type(age) is not int or not least <= age <= MAX_AGE_DAYS:
            raise ValueError(
                f"restate_days has {age!r}; write increasing whole days, each larger than lag_days "
                f"({lag_days}) and at most {MAX_AGE_DAYS}"
            )
        least = age + 1
    return Restatement(ages=tuple(ages), threshold=Decimal(str(threshold)))
