"""The embedded stack: PostgreSQL, the emulator and Airflow's components on one machine.

Start it with `make up`, or from Python (tests do) with a directory and ports of its own:

    settings = Settings.load(data=tmp_path, environ=os.environ, free_ports=True)
    with Stack(settings).running() as stack:
        stack.api().get("/api/v2/dags")
"""

from __future__ import annotations

from stack.errors import FailedError, RefusedError, StackError
from stack.settings import Settings
from stack.stack import Stack

__all__ = ["FailedError", "RefusedError", "Settings", "Stack", "StackError"]
