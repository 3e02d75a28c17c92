"""The Amazon Ads API: campaigns, reports, profiles and products."""

from __future__ import annotations
