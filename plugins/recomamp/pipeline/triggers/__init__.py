"""Waiting for a slot or for AMC without a worker."""

from __future__ import annotations
