"""Errors of the stack, by the exit code of the command."""

from __future__ import annotations


class StackError(Exception):
    """An error that one line describes. `exit_code` is the command's."""

    exit_code = 1


class RefusedError(StackError):
    """Nothing was started: a setting is missing or wrong, or a port is taken."""

    exit_code = 2


class FailedError(StackError):
    """A component was started and did not come up. It has been ended again."""
