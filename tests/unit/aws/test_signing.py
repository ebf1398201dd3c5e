"""Every header is compared with botocore's own signer, which AWS accepts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import auth
from botocore import credentials as botocores
from botocore.awsrequest import AWSRequest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.aws import signing
from shelflife.aws.signing import Credentials, Target, quoted, signed

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="/"), min_size=1)


def botocore_signed(
    target: Target, headers: dict[str, str], body: bytes, credentials: Credentials
) -> dict[str, str]:
    request = AWSRequest(target.method, f"https://{target.host}{quoted(target.path)}", headers, body)
    request.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    kind: Any = auth.S3SigV4Auth if target.service == "s3" else auth.SigV4Auth
    signer = kind(botocores.Credentials(*credentials), target.service, target.region)
    if target.service == "s3":
        request.headers["X-Amz-Content-SHA256"] = signer.payload(request)
    if credentials.session_token:
        request.headers["X-Amz-Security-Token"] = credentials.session_token
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    scope = f"Credential={signer.scope(request)}"
    return {
        "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders={names}, Signature={signature}",
        **{name.lower(): value for name, value in request.headers.items()},
    }


@given(
    service=st.sampled_from(["dynamodb", "sqs"]),
    body=st.binary(max_size=200),
    token=st.none() | st.text("abc/+=", min_size=1),
)
def test_calls_of_json_services_are_signed_as_botocore_signs_them(
    service: str, body: bytes, token: str | None
) -> None:
    target = Target(service, "eu-west-1", f"{service}.eu-west-1.amazonaws.com", "POST", "/")
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem"}
    credentials = Credentials("AKID", "secret", token)
    ours = signed(target, headers, body, credentials, NOW.timestamp())
    assert ours | {"host": target.host} == ours
    expected = botocore_signed(target, headers, body, credentials)
    assert {name: ours[name] for name in expected} == expected


@given(key=st.lists(KEYS, min_size=1, max_size=4).map("/".join), ranged=st.booleans())
def test_reads_of_objects_are_signed_as_botocore_signs_them_whatever_the_key(key: str, ranged: bool) -> None:  # noqa: FBT001
    target = Target("s3", "eu-west-1", "bucket.s3.eu-west-1.amazonaws.com", "GET", f"/{key}")
    headers = {"range": "bytes=0-9"} if ranged else {}
    credentials = Credentials("AKID", "secret", "token")
    ours = signed(target, headers, b"", credentials, NOW.timestamp())
    expected = botocore_signed(target, headers, b"", credentials)
    assert {name: ours[name] for name in expected} == expected


def test_the_key_of_a_day_is_made_anew_for_the_next() -> None:
    target = Target("s3", "eu-west-1", "host", "GET", "/")
    credentials = Credentials("AKID", "secret", None)
    today, tomorrow = (
        signed(target, {}, b"", credentials, NOW.timestamp() + seconds) for seconds in (0, 86_400)
    )
    assert "20261120/eu-west-1" in today["authorization"]
    assert "20261121/eu-west-1" in tomorrow["authorization"]


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_credentials_that_are_elsewhere_are_none(missing: str) -> None:
    known = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}
    assert signing.Credentials.from_env(known) == ("a", "b", "c")
    assert signing.Credentials.from_env(known | {missing: ""}) is None
