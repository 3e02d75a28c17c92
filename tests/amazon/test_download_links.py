from __future__ import annotations

import httpx
import pytest

from recomamp.amazon.download_links import is_same_part, readable_link, storage_error
from recomamp.errors import (
    DownloadLinkExpired,
    InvalidResults,
    RequestRejected,
    TransientError,
    UnexpectedResponse,
)

API = "http://127.0.0.1:8099"
S3 = "https://amc-output-prod-iad.s3.us-east-1.amazonaws.com/k.csv?X-Amz-Signature=secret"


@pytest.mark.parametrize(
    "link",
    [
        S3,
        f"{API}/_downloads/k?X-Amz-Signature=secret",
        "https://offline-report-storage-us-east-1-prod.s3.amazonaws.com/a-1/report.json.gz?s=1",
        "https://amc-output.s3-us-west-2.amazonaws.com/k?s=1",
        "https://amc.output.s3.dualstack.eu-west-1.amazonaws.com/k?s=1",
        "https://amc-output.s3-accelerate.amazonaws.com/k?s=1",
        "https://amc-output.s3-accelerate.dualstack.amazonaws.com/k?s=1",
        "https://amc-output.s3-fips.us-gov-west-1.amazonaws.com/k?s=1",
        "https://s3.amazonaws.com/amc-output/k?s=1",
        "https://s3.ap-northeast-1.amazonaws.com/amc-output/k?s=1",
        "https://s3-ap-southeast-2.amazonaws.com/amc-output/k?s=1",
        "https://s3.dualstack.us-east-1.amazonaws.com/amc-output/k?s=1",
        "https://amc-output.s3.cn-north-1.amazonaws.com.cn/k?s=1",
        "https://s3.cn-northwest-1.amazonaws.com.cn/amc-output/k?s=1",
        "https://amc-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/k?s=1",
        "https://amc.accesspoint.s3-global.amazonaws.com/k?s=1",
        "https://amc--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k?s=1",
        "https://d111111abcdef8.cloudfront.net/k?Signature=1&Key-Pair-Id=2",
    ],
)
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
        "https://.amazonaws.com/k?X-Amz-Signature=secret",
        "https://amazonaws.com/k?secret",
        "https://evil.example%2f.amazonaws.com/k?secret",
        "https://evil.example%2f.s3.amazonaws.com/k?secret",
        "https://evil.example%23.s3.amazonaws.com/k?secret",
        "https://evil.example\\.s3.amazonaws.com/k?secret",
        "https://evil.example/.s3.amazonaws.com/k?secret",
        "https://ec2-1-2-3-4.us-west-2.compute.amazonaws.com/k?secret",
        "https://bucket.s3.ec2-1-2-3-4.us-west-2.compute.amazonaws.com/k?secret",
        "https://bucket.s3.evilamazonaws.com/k?secret",
        "https://bucket.s3-evil.amazonaws.com/k?secret",
        "https://bucket.s3.us-east-1.amazonaws.com.evil.example/k?secret",
        "https://bucket.s3-website-us-east-1.amazonaws.com/k?secret",
        "https://bucket.s3-website.us-east-1.amazonaws.com/k?secret",
        "https://bucket.s3.us-east-1.vpce.amazonaws.com/k?secret",
        "https://x.execute-api.us-east-1.amazonaws.com/k?secret",
        "https://lb-1.us-east-1.elb.amazonaws.com/k?secret",
        "https://bucket.s3.amazonaws.com.cn.evil.example/k?secret",
        "https://bucket.s3.amazonaws.cn/k?secret",
        "https://op-1.s3-outposts.us-east-1.amazonaws.com/k?secret",
        "https://s3express-evil.us-east-1.amazonaws.com/k?secret",
        "https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com/k?secret",
        "https://bucket.s3.amazonaws.com./k?secret",
        "https://xn--a/k?secret",  # no name of any alphabet: it cannot be decoded
        "https://bucket.s\u0663.amazonaws.com/k?secret",
        "https://secret@bucket.s3.amazonaws.com/k",
        "https://bucket.s3.amazonaws.com:80/k?secret",
        "http://d111111abcdef8.cloudfront.net/k?secret",
        "https://d111111abcdef8.cloudfront.net:8443/k?secret",
        "https://d111111abcdef8.cloudfront.net.evil.example/k?secret",
        "https://d1.evilcloudfront.net/k?secret",
        "https://cloudfront.net/k?secret",
        "https://10.0.0.1.cloudfront.net/k?secret",
        "//bucket.s3.amazonaws.com/k?secret",
        "bucket.s3.amazonaws.com/k?secret",
        "ftp://bucket.s3.amazonaws.com/k?secret",
        "https://127.0.0.1:8099/k?secret",
        "https://bucket.s3.amazonaws.com/k\n?secret",
        "https://" + "secret." * 20_000 + "s3.amazonaws.com/k",
        "",
    ],
)
def test_links_to_anywhere_else_are_refused_and_not_quoted(link):
    with pytest.raises(UnexpectedResponse) as caught:
        readable_link(link, API)

    assert "secret" not in str(caught.value)


def test_another_port_than_443_is_refused_and_443_may_be_said():
    link = "https://bucket.s3.amazonaws.com:443/k?s=1"

    assert readable_link(link, API).host == "bucket.s3.amazonaws.com"


def test_a_link_that_is_no_url_leads_to_no_part():
    assert not is_same_part("https://[::1/k", f"{API}/k")


def test_links_signed_anew_lead_to_the_same_part():
    assert is_same_part(f"{API}/a?X-Amz-Date=1", f"{API}/a?X-Amz-Date=2")
    assert not is_same_part(f"{API}/a?X-Amz-Date=1", f"{API}/b?X-Amz-Date=1")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", DownloadLinkExpired),
        (403, "SignatureDoesNotMatch", DownloadLinkExpired),
        (400, "ExpiredToken", DownloadLinkExpired),
        (400, "TokenRefreshRequired", DownloadLinkExpired),
        (400, "RequestTimeout", TransientError),
        (409, "OperationAborted", TransientError),
        (400, "InvalidArgument", RequestRejected),
        (404, "NoSuchKey", InvalidResults),
        (503, "SlowDown", TransientError),
        (307, "TemporaryRedirect", UnexpectedResponse),
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


@pytest.mark.parametrize("charset", ["punycode", "zlib", "utf-16"])
def test_an_error_of_storage_is_not_read_with_the_codec_that_it_names(charset):
    response = httpx.Response(
        403,
        headers={"Content-Type": f"application/xml; charset={charset}"},
        content="<Error><Code>Expired</Code><Message>Für immer</Message></Error>".encode(),
        request=httpx.Request("GET", f"{API}/k"),
    )

    assert "Expired: Für immer" in str(storage_error(response))
