"""Cron expressions, and the windows that runs read."""

from __future__ import annotations
