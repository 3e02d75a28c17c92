"""What a stack of these tests inherits from the environment."""

from __future__ import annotations

import os


def plain_environment() -> dict[str, str]:
    """Return the environment without settings of Airflow."""
    return {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
