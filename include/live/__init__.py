"""A smoke run against the real AMC, compared with the emulator: `make live`."""

from __future__ import annotations
