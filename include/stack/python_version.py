"""Check that the project works with this Python: `python python_version.py`.

The versions stand here. `requires-python` in pyproject.toml repeats the first.
"""

from __future__ import annotations

import sys

# Older ones match a regular expression wrongly where a possessive quantifier repeats a group
# (gh-106052, gh-100061). The grammars of CSV are such expressions
MINIMUM = (3, 11, 5)

# Older ones of these lines write line ends of a name into a mail's headers (CVE-2024-6923). The
# pipeline removes line ends itself, so that it does not rest on Python here
SAFE_MAIL_HEADERS: dict[tuple[int, ...], tuple[int, ...]] = {
    (3, 11): (3, 11, 10),
    (3, 12): (3, 12, 5),
}


def problem(version: tuple[int, ...]) -> str:
    """Return why a version (three numbers) cannot be used, nothing if it can."""
    if version >= MINIMUM:
        return ""
    return f"Python {_text(version)} is too old: {_text(MINIMUM)} or newer is needed"


def warning(version: tuple[int, ...]) -> str:
    """Return the known weakness of a version, nothing if there is none."""
    safe = SAFE_MAIL_HEADERS.get(version[:2])
    if safe is None or version >= safe:
        return ""
    return (
        f"Python {_text(version)} lets line ends into mail headers (fixed in {_text(safe)});"
        " the pipeline removes them itself"
    )


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)


if __name__ == "__main__":
    here = tuple(sys.version_info[:3])
    if problem(here):
        sys.exit(problem(here))
    if warning(here):
        sys.stdout.write(f"setup: {warning(here)}\n")
