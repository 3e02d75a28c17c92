"""The Amazon Ads API of one region, in the name of one user."""

from __future__ import annotations

from typing import Any

import httpx

from recomamp.amazon.base_client import ADS_CLIENT_ID, CLIENT_ID, AmazonClient
from recomamp.amazon.regions import Endpoint

SCOPE = "Amazon-Advertising-API-Scope"
DSP_ADVERTISER = "Amazon-Ads-AccountId"


class AdsClient(AmazonClient):
    """Asks the Amazon Ads API with ``send``, ``pages`` and ``items``; use as ``async with``.

    :param profile_id: the profile that all calls are about; a call's own header ``SCOPE`` goes
        before it, and where neither is given the call has none, as GET /v2/profiles wants it.
    :param options: as of ``AmazonClient``: transport, sleep, retry, timeout, limits, observe …
    """

    def __init__(
        self,
        endpoint: Endpoint,
        auth: httpx.Auth,
        *,
        client_id: str,
        profile_id: str | None = None,
        **options: Any,
    ) -> None:
        # One value under two names: the unified API (/adsApi/v1) reads the second only.
        headers = {CLIENT_ID: client_id, ADS_CLIENT_ID: client_id}
        if profile_id is not None:
            headers[SCOPE] = profile_id
        super().__init__(endpoint, auth, headers=headers, **options)
