"""An HTTP API answers and calls as API Gateway does.

Stock gives an address that does not resolve here, keeps CORS settings of a template in the template's casing
and so never applies them, passes cookies as a header only, and shows a function's failure to the caller as
502.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ministack.services import apigateway, lambda_svc
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from infra.local.patches import Cloud

_TYPE = "AWS::ApiGatewayV2::Api"
# The cookies of the request that is being answered; None outside of an HTTP API.
_cookies: ContextVar[list[str] | None] = ContextVar("cookies", default=None)


def message(status: int, text: str) -> tuple[int, dict[str, str], bytes]:
    """An answer of the gateway's own."""
    return (
        status,
        {"Content-Type": "application/json"},
        json.dumps({"message": text}, separators=(",", ":")).encode(),
    )


def apply(cloud: Cloud) -> None:
    _patch_addresses(cloud.settings.endpoint_url)
    _patch_cors()
    _patch_cookies()
    _patch_failures()


def _patch_addresses(endpoint_url: str) -> None:
    stock_create = apigateway._create_api
    stock_load = apigateway.load_persisted_state
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    stock_resource = handlers["create"]

    def address(api: dict[str, Any]) -> str:
        if api.get("protocolType") == "HTTP":
            api["apiEndpoint"] = f"{endpoint_url}/_aws/execute-api/{api['apiId']}/$default"
        return str(api["apiEndpoint"])

    def create(data: dict[str, Any]) -> Any:
        status, headers, body = stock_create(data)
        answer = json.loads(body)
        if "apiId" in answer:
            answer["apiEndpoint"] = address(apigateway._apis[answer["apiId"]])
        return status, headers, json.dumps(answer).encode()

    def create_resource(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        api_id, attributes = stock_resource(logical_id, properties, stack_name)
        return api_id, attributes | {"ApiEndpoint": address(apigateway._apis[api_id])}

    def load(saved: dict[str, Any]) -> None:
        stock_load(saved)
        # The port may be another one than last time.
        for api in apigateway._apis._data.values():
            address(api)

    apigateway._create_api = create
    apigateway.load_persisted_state = load
    handlers["create"] = create_resource


def _patch_cors() -> None:
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    stock_create, stock_update = handlers["create"], handlers["update"]

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        return stock_create(logical_id, _with_cors(properties), stack_name)

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        return stock_update(physical_id, old, _with_cors(new), *rest)

    handlers["create"], handlers["update"] = create, update


def _with_cors(properties: dict[str, Any]) -> dict[str, Any]:
    cors = properties.get("CorsConfiguration")
    if not cors:
        return properties
    return {
        **properties,
        "CorsConfiguration": {f"{name[0].lower()}{name[1:]}": value for name, value in cors.items()},
    }


def _patch_cookies() -> None:
    stock_handle = apigateway._handle_execute_in_scope
    stock_execute = lambda_svc._execute_function_with_config_scope

    async def handle(
        api_id: str, stage: str, path: str, method: str, headers: dict[str, str], *rest: Any
    ) -> Any:
        kept = {name: value for name, value in headers.items() if name.lower() != "cookie"}
        sent = headers.get("cookie", "")
        token = _cookies.set([cookie.strip() for cookie in sent.split(";") if cookie.strip()])
        try:
            return await stock_handle(api_id, stage, path, method, kept, *rest)
        finally:
            _cookies.reset(token)

    def execute(func: dict[str, Any], event: Any) -> Any:
        cookies = _cookies.get()
        if cookies and isinstance(event, dict) and event.get("version") == "2.0":
            event = {**event, "cookies": cookies}
        return stock_execute(func, event)

    apigateway._handle_execute_in_scope = handle
    lambda_svc._execute_function_with_config_scope = execute


def _patch_failures() -> None:
    stock = lambda_svc.lambda_execute_result_to_api_proxy_response

    def convert(result: dict[str, Any]) -> Any:
        if _cookies.get() is None or not result.get("error"):
            return stock(result)
        too_large = (result.get("body") or {}).get("errorType") == "RequestTooLargeException"
        status, headers, body = (
            message(413, "Request Entity Too Large") if too_large else message(500, "Internal Server Error")
        )
        return {"statusCode": status, "headers": headers, "body": body.decode()}, None

    lambda_svc.lambda_execute_result_to_api_proxy_response = convert
