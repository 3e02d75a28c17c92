"""Trouble: what each test says became of it is shown in a table at the end."""

from __future__ import annotations

import pytest

from fixtures.matrix import Matrix

MATRIX = pytest.StashKey[Matrix]()


def pytest_configure(config: pytest.Config) -> None:
    """Start with empty tables."""
    config.stash[MATRIX] = Matrix()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the tables."""
    for line in config.stash[MATRIX].lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def matrix(pytestconfig: pytest.Config) -> Matrix:
    """Provide the tables."""
    return pytestconfig.stash[MATRIX]
