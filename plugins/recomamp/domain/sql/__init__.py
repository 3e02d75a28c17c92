"""The query of a workflow: its placeholders, its parameters and what is sent to AMC."""

from __future__ import annotations
