"""What can go wrong with the stack, by what the caller does about it."""

from __future__ import annotations


class StackError(Exception):
    """A problem that one line describes; `exit_code` is the command's answer."""

    exit_code = 1


class RefusedError(StackError):
    """Nothing was started: a setting is missing or wrong, or a port is taken."""

    exit_code = 2


class FailedError(StackError):
    """Something was started and did not come up; it has been ended again."""
