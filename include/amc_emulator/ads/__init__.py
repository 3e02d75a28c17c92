"""The Amazon Ads API next to AMC: profiles, campaigns, reports about them."""

from __future__ import annotations
