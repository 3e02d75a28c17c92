"""The emulator's time, which tests may stop and move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Real time until it is set; afterwards it stands still until moved or released."""

    def __init__(self) -> None:
        self._standing: datetime | None = None

    def now(self) -> datetime:
        """Return the present moment, aware, UTC."""
        return self._standing or datetime.now(UTC)

    def stop_at(self, moment: datetime) -> None:
        """Stop the clock at a moment (aware)."""
        self._standing = moment.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move a stopped clock; a running one stops first."""
        self._standing = self.now() + by

    def release(self) -> None:
        """Return to real time."""
        self._standing = None


def stamp(moment: datetime) -> str:
    """Write a moment as AMC does: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_milliseconds(moment: datetime) -> str:
    """Write a moment as AMC writes `validatedTime`: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
