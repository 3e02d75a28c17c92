"""When the runs of a DAG start, and which window each reads."""

from __future__ import annotations
