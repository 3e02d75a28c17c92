"""The daily maintenance of the application's database and of old results."""

from __future__ import annotations
