"""The AMC reporting and administration API."""

from __future__ import annotations
