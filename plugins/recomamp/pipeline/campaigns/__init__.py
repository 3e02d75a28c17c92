"""The daily sync of campaigns and their performance."""

from __future__ import annotations
