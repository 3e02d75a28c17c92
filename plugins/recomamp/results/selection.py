"""Which of a workflow's current results are meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args
from uuid import UUID

from recomamp.domain.scheduling.cron import load_zone
from recomamp.domain.scheduling.windows import Window
from recomamp.errors import InvalidDefinition
from recomamp.store.stored_results import StoredResult

Overlaps = Literal["refuse", "keep"]
DELETED = "deleted"  # the source of results whose schedule or collection was deleted


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Windows that lie between two times, of one source or of all.

    :param start: earliest start of a window. A day is its midnight in the window's own zone, and
        so is a time without a zone.
    :param end: latest end of a window, likewise; the day itself is not read.
    :param key: of the one window that is meant, as events name it (``Window.key``).
    :param source: UUID of a schedule or collection, or ``deleted``.
    :param overlaps: whether windows that overlap are refused or kept.
    """

    start: date | datetime | None = None
    end: date | datetime | None = None
    key: str | None = None
    source: UUID | str | None = None
    overlaps: Overlaps = "refuse"

    def of(self, results: Iterable[StoredResult]) -> list[StoredResult]:
        """Return the results that are meant.

        :raises InvalidDefinition: when windows overlap, whose data would count twice, and
            ``overlaps`` is ``refuse``.
        """
        if self.overlaps not in get_args(Overlaps):
            raise InvalidDefinition(f"overlaps must be 'refuse' or 'keep', not {self.overlaps!r}")
        found = [one for one in results if one.window and self._takes(one, one.window)]
        if self.overlaps == "refuse":
            _refuse_overlaps(found)
        return found

    def _takes(self, result: StoredResult, window: Window) -> bool:
        return (
            (self.start is None or window.start >= _instant(self.start, window))
            and (self.end is None or window.end <= _instant(self.end, window))
            and (self.key is None or window.key == self.key)
            and (self.source is None or str(self.source).lower() == _name(result))
        )


def _instant(moment: date | datetime, window: Window) -> datetime:
    zone = load_zone(window.time_zone)
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _name(result: StoredResult) -> str:
    return str(result.source or DELETED)


def _refuse_overlaps(results: Sequence[StoredResult]) -> None:
    windows = sorted(
        ((one.window, _name(one)) for one in results if one.window), key=lambda one: one[0].start
    )
    # The window that ends last of those before
    latest, by = windows[0] if windows else (None, "")
    for window, name in windows[1:]:
        if latest and latest.end > window.start:
            raise InvalidDefinition(
                f"windows overlap, so rows would count twice: {latest} of {by} and {window} of "
                f"{name}; {_remedy(by, name)}"
            )
        latest, by = window, name


def _remedy(one: str, other: str) -> str:
    choice = "name one window with key=, or pass overlaps='keep' for the rows of each"
    if one == other:
        return choice
    return f"choose one with source= (a schedule, a collection, or 'deleted'), {choice}"
