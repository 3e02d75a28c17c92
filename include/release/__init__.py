"""Builds a release from the commit of a version tag: `make release`. No image holds it."""

from __future__ import annotations
