from __future__ import annotations

import httpx
import pytest

from recomamp.amazon.links import is_same_part, readable_link, storage_error
from recomamp.domain.errors import (
    ContractBroken,
    LinkExpired,
    Refused,
    ResultsBroken,
    Transient,
)

API = "http://127.0.0.1:8099"
S3 = "https://amc-output-prod-iad.s3.us-east-1.amazonaws.com/k.csv?X-Amz-Signature=secret"


@pytest.mark.parametrize("link", [S3, f"{API}/_downloads/k?X-Amz-Signature=secret"])
def test_links_into_amazons_storage_and_to_the_api_itself_are_followed(link):
    assert str(readable_link(link, API)) == link


@pytest.mark.parametrize(
    "link",
    [
        S3.replace("https:", "http:"),
        "https://evil.example/k?X-Amz-Signature=secret",
        "https://evilamazonaws.com/k?X-Amz-Signature=secret",
        "https://s3.amazonaws.com.evil.example/k?X-Amz-Signature=secret",
        "https://user:secret@s3.amazonaws.com/k",
        "https://s3.amazonaws.com:8443/k?X-Amz-Signature=secret",
        "http://127.0.0.1:8098/k?X-Amz-Signature=secret",
        "http://169.254.169.254/latest?X-Amz-Signature=secret",
        "file:///etc/passwd?secret",
        "https://[::1/k?X-Amz-Signature=secret",
    ],
)
def test_links_to_anywhere_else_are_refused_and_not_quoted(link):
    with pytest.raises(ContractBroken) as caught:
        readable_link(link, API)

    assert "secret" not in str(caught.value)


def test_links_signed_anew_lead_to_the_same_part():
    assert is_same_part(f"{API}/a?X-Amz-Date=1", f"{API}/a?X-Amz-Date=2")
    assert not is_same_part(f"{API}/a?X-Amz-Date=1", f"{API}/b?X-Amz-Date=1")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", LinkExpired),
        (403, "SignatureDoesNotMatch", LinkExpired),
        (400, "ExpiredToken", LinkExpired),
        (400, "InvalidArgument", Refused),
        (404, "NoSuchKey", ResultsBroken),
        (503, "SlowDown", Transient),
        (307, "TemporaryRedirect", ContractBroken),
    ],
)
def test_storage_says_what_to_do_and_its_signature_is_not_repeated(status, code, kind):
    body = (
        f"<Error><Code>{code}</Code><Message>As S3 says it</Message>"
        "<StringToSign>secret</StringToSign></Error>"
    )

    error = storage_error(
        httpx.Response(status, text=body, request=httpx.Request("GET", f"{API}/k?sign=secret"))
    )

    assert type(error) is kind
    assert f"{code}: As S3 says it" in str(error)
    assert "secret" not in str(error)
