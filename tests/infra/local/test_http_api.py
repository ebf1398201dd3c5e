"""Contract: an HTTP API made by CloudFormation behaves as API Gateway's."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from ministack.services import apigateway, lambda_svc
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from tests.infra.local.account import Account

ECHO = """
import base64, json, time
def handler(event, context):
    path = event["rawPath"]
    if path == "/binary":
        encoded = base64.b64encode(bytes(range(256))).decode()
        headers = {"content-type": "application/octet-stream"}
        return {"statusCode": 200, "isBase64Encoded": True, "body": encoded, "headers": headers}
    if path == "/cookies":
        return {"statusCode": 200, "cookies": ["a=1", "b=2"], "body": json.dumps(event.get("cookies"))}
    if path == "/boom":
        raise ValueError("secret")
    if path == "/slow":
        time.sleep(3)
    if path == "/large":
        return {"statusCode": 200, "body": "x" * 6_300_000}
    return event
"""
AUTHORIZER = """
import time
def handler(event, context):
    token = event["identitySource"][0]
    return {"isAuthorized": token != "no", "context": {"user": token, "at": repr(time.time())}}
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    def __init__(self, url: str) -> None:
        self.url = url
        self._parts = urlsplit(url)

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection(self._parts.netloc, timeout=40)
        try:
            connection.request(method, self._parts.path + path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


def integration_uri(name: str) -> dict[str, Any]:
    return {"Fn::Sub": f"arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{name}"}


@pytest.fixture(scope="session")
def api(aws: Account) -> Api:
    echo = aws.function(ECHO, Timeout=20)
    authorizer = aws.function(AUTHORIZER)

    def resource(kind: str, **properties: Any) -> dict[str, Any]:
        return {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": {"ApiId": {"Ref": "Api"}, **properties}}

    def route(key: str, integration: str = "Integration", **properties: Any) -> dict[str, Any]:
        return resource(
            "Route", RouteKey=key, Target={"Fn::Sub": f"integrations/${{{integration}}}"}, **properties
        )

    proxy = {
        "IntegrationType": "AWS_PROXY",
        "PayloadFormatVersion": "2.0",
        "IntegrationUri": integration_uri(echo),
    }
    function_uri = {
        "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
        f"arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{authorizer}/invocations"
    }
    template = {
        "Resources": {
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {
                    "Name": "edge",
                    "ProtocolType": "HTTP",
                    "CorsConfiguration": {
                        "AllowOrigins": ["https://ui.example"],
                        "AllowMethods": ["GET"],
                        "AllowHeaders": ["authorization"],
                        "MaxAge": 60,
                    },
                },
            },
            "Stage": resource(
                "Stage",
                StageName="$default",
                AutoDeploy=True,
                DefaultRouteSettings={"ThrottlingBurstLimit": 10, "ThrottlingRateLimit": 5},
            ),
            "Authorizer": resource(
                "Authorizer",
                Name="tokens",
                AuthorizerType="REQUEST",
                AuthorizerPayloadFormatVersion="2.0",
                EnableSimpleResponses=True,
                AuthorizerResultTtlInSeconds=60,
                IdentitySource=["$request.header.Authorization"],
                AuthorizerUri=function_uri,
            ),
            "Integration": resource("Integration", **proxy),
            "Hasty": resource("Integration", **proxy, TimeoutInMillis=1000),
            "Any": route("ANY /{proxy+}"),
            "Slow": route("GET /slow", "Hasty"),
            "Closed": route("GET /closed", AuthorizationType="CUSTOM", AuthorizerId={"Ref": "Authorizer"}),
        },
        "Outputs": {
            "Url": {"Value": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}},
            "Id": {"Value": {"Ref": "Api"}},
        },
    }
    outputs = aws.outputs(aws.stack(template))
    assert outputs["Url"] == f"{aws.cloud.endpoint_url}/_aws/execute-api/{outputs['Id']}/$default"
    assert aws.client("apigatewayv2").get_api(ApiId=outputs["Id"])["ApiEndpoint"] == outputs["Url"]
    return Api(outputs["Url"])


def test_the_emulator_still_has_the_hooks() -> None:
    for name in ("_handle_execute_in_scope", "_invoke_lambda_proxy", "_create_api", "load_persisted_state"):
        assert callable(getattr(apigateway, name))
    assert callable(lambda_svc.lambda_execute_result_to_api_proxy_response)
    assert {"create", "update"} <= set(provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"])


def test_a_text_body_arrives_as_text(api: Api) -> None:
    event = api("POST", "/v1/x?a=1&a=2", b'{"k": 1}', {"Content-Type": "application/json"}).json()
    assert (event["body"], event["isBase64Encoded"]) == ('{"k": 1}', False)
    assert event["rawPath"] == "/v1/x"
    assert event["rawQueryString"] == "a=1&a=2"
    assert event["queryStringParameters"] == {"a": "1,2"}
    assert event["requestContext"]["http"]["method"] == "POST"


def test_a_body_without_content_type_arrives_encoded(api: Api) -> None:
    event = api("POST", "/v2/models", bytes(range(256))).json()
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == bytes(range(256))


def test_an_encoded_answer_is_decoded(api: Api) -> None:
    answer = api("GET", "/binary")
    assert answer.body == bytes(range(256))
    assert answer.headers["content-type"] == "application/octet-stream"


def test_cookies_go_both_ways(api: Api) -> None:
    answer = api("GET", "/cookies", headers={"Cookie": "x=1; y=2"})
    assert answer.json() == ["x=1", "y=2"]
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert "cookie" not in api("GET", "/any", headers={"Cookie": "x=1"}).json()["headers"]


def test_cors_of_the_template_is_applied(api: Api) -> None:
    asked = {"Origin": "https://ui.example", "Access-Control-Request-Method": "GET"}
    preflight = api("OPTIONS", "/any", headers=asked)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "https://ui.example"
    assert preflight.headers["access-control-max-age"] == "60"
    assert api("GET", "/any", headers=asked).headers["access-control-allow-origin"] == "https://ui.example"
    other = api("GET", "/any", headers={"Origin": "https://other.example"})
    assert other.headers["access-control-allow-origin"] is None


def test_a_function_failure_is_not_shown(api: Api) -> None:
    answer = api("GET", "/boom")
    assert (answer.status, answer.json()) == (500, {"message": "Internal Server Error"})


def test_a_slow_integration_is_unavailable(api: Api) -> None:
    answer = api("GET", "/slow")
    assert (answer.status, answer.json()) == (503, {"message": "Service Unavailable"})


@pytest.mark.parametrize("size", [10 * 1024 * 1024 + 1, 5 * 1024 * 1024])
def test_a_body_that_is_too_large_is_refused(api: Api, size: int) -> None:
    """Over 10 MB the gateway refuses it; less, but over Lambda's 6 MB after base64, the function does."""
    answer = api("POST", "/any", b"x" * size, {"Content-Type": "application/octet-stream"})
    assert (answer.status, answer.json()) == (413, {"message": "Request Entity Too Large"})


def test_an_answer_over_six_megabytes_fails(api: Api) -> None:
    assert api("GET", "/large").status == 500


def test_an_authorizer_guards_its_route(api: Api) -> None:
    missing = api("GET", "/closed")
    assert (missing.status, missing.json()) == (401, {"message": "Unauthorized"})
    refused = api("GET", "/closed", headers={"Authorization": "no"})
    assert (refused.status, refused.json()) == (403, {"message": "Forbidden"})
    seen = api("GET", "/closed", headers={"Authorization": "ada"}).json()
    assert seen["requestContext"]["authorizer"]["lambda"]["user"] == "ada"


def test_an_authorizers_answer_is_cached_per_identity(api: Api) -> None:
    def context(token: str) -> Any:
        return api("GET", "/closed", headers={"Authorization": token}).json()["requestContext"]["authorizer"][
            "lambda"
        ]

    assert context("eve") == context("eve")
    assert context("eve")["user"] != context("bob")["user"]


def test_an_unknown_route_is_not_found(aws: Account, api: Api) -> None:
    answer = api("GET", "")
    assert (answer.status, answer.json()) == (404, {"message": "Not Found"})
