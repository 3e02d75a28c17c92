"""Benchmarks: each figure is a ratio of two things measured side by side on the same machine."""

from __future__ import annotations
