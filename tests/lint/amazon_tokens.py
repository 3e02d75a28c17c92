"""What `make leaks` looks for besides the tokens of other services: those of Login with Amazon."""

from __future__ import annotations

import re

from detect_secrets.plugins.base import RegexBasedDetector


class AmazonTokenDetector(RegexBasedDetector):
    """Finds refresh tokens, access tokens and client secrets of Login with Amazon."""

    secret_type = "Amazon token"

    denylist = (
        re.compile(r"Atz[ar]\|[\w/+=-]{40,}"),
        re.compile(r"amzn1\.oa2-cs\.v1\.[0-9a-f]{32,}"),
    )
