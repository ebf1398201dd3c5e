"""This process's moto cloud over HTTP, as far as a training job needs it: a job is a process of its own."""

import base64
import json
from typing import Any

from botocore.exceptions import ClientError

from shelflife.aws.clients import client


def cloud(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Objects of S3 (path style) and parameters of SSM; what moto refuses is refused with its status."""
    try:
        if event["headers"].get("x-amz-target") == "AmazonSSM.GetParameter":
            return _parameter(json.loads(_body(event)))
        return _object(event)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return _answer(status, f"<Error><Code>{code}</Code></Error>".encode())


def _parameter(asked: dict[str, Any]) -> dict[str, Any]:
    found = client("ssm").get_parameter(**asked)["Parameter"]
    told = {"Name": found["Name"], "Type": found["Type"], "Value": found["Value"]}
    return _answer(200, json.dumps({"Parameter": told}).encode())


def _object(event: dict[str, Any]) -> dict[str, Any]:
    bucket, _, key = event["rawPath"].lstrip("/").partition("/")
    method = event["requestContext"]["http"]["method"]
    if method == "PUT":
        client("s3").put_object(Bucket=bucket, Key=key, Body=_body(event))
        return _answer(200, b"")
    return _answer(200, client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body) if event["isBase64Encoded"] else body.encode()


def _answer(status: int, body: bytes) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/octet-stream"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
