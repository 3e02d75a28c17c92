"""Run AMC SQL over a small generated world, as Amazon Marketing Cloud would."""

from __future__ import annotations

from amc_emulator.engine.engine import Engine
from amc_emulator.engine.memory import RememberingEngine
from amc_emulator.engine.query import OutputColumn, Query, QueryRejected, ResultSet

__all__ = ["Engine", "OutputColumn", "Query", "QueryRejected", "RememberingEngine", "ResultSet"]
