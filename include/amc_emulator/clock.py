"""The emulator's time, which tests can stop and move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Real time until it is set. Afterwards it stands still until it is moved or released."""

    def __init__(self) -> None:
        self._stopped_at: datetime | None = None

    def now(self) -> datetime:
        """Return the present moment, aware, UTC."""
        return self._stopped_at or datetime.now(UTC)

    def stop_at(self, moment: datetime) -> None:
        """Stop the clock at a moment (aware)."""
        self._stopped_at = moment.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move the clock. A running clock stops first."""
        self._stopped_at = self.now() + by

    def release(self) -> None:
        """Return to real time."""
        self._stopped_at = None


def format_time(moment: datetime) -> str:
    """Return a moment as AMC writes it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_time_ms(moment: datetime) -> str:
    """Return a moment as AMC writes `validatedTime`: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
