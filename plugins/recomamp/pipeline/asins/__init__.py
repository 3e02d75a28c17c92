"""The daily sync of ASINs with Amazon's product metadata."""

from __future__ import annotations
