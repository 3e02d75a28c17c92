"""The Amazon Ads API beside AMC: profiles, campaigns, reports about them."""

from __future__ import annotations
