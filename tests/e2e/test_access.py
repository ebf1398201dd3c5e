"""Who may do what, and how each protocol is told no."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from infra.installation import issue_token
from tests.e2e import steps
from tests.harness.installation import STAGE, Platform

pytestmark = pytest.mark.e2e

ROUTES = {
    "native": "/v1/registry/models",
    "inference": "/v2/models/nobody/ready",
    "mlflow": "/api/2.0/mlflow/registered-models/search",
}
INFER: dict[str, Any] = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1.0]}]}


@pytest.fixture(scope="module")
def issued(platform: Platform) -> Mapping[str, Mapping[str, Any]]:
    """A token of each role, made as an operator makes the first one."""
    roles = ("viewer", "contributor", "approver", "admin")
    return {role: issue_token(platform.account, STAGE, f"e2e {role}", role, days=1) for role in roles}


@pytest.mark.parametrize("route", ROUTES)
def test_a_request_without_a_token_is_stopped_at_the_gateway(route: str, platform: Platform) -> None:
    answer = platform.http.get(ROUTES[route])
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


@pytest.mark.parametrize("route", ROUTES)
def test_an_unknown_token_is_refused_in_the_protocols_form(route: str, platform: Platform) -> None:
    answer = platform.ask("GET", ROUTES[route], token="shl_nobody_0")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    check_form(route, answer, "no valid API token was sent", "unauthenticated", "UNAUTHENTICATED")


REFUSED = [
    ("POST", "/v1/training/jobs", {}, "viewer"),
    ("PUT", "/v1/registry/models/m/aliases/champion", {"version": 1, "reason": "r"}, "contributor"),
    ("PUT", "/v1/validation/policies/m", {}, "contributor"),
    ("GET", "/v1/access/tokens", None, "approver"),
    ("POST", "/api/2.0/mlflow/registered-models/create", {"name": "m"}, "viewer"),
    ("POST", "/api/2.0/mlflow/experiments/create", {"name": "m"}, "viewer"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]} {case[1]}")
def test_a_role_that_is_too_low_is_refused_in_the_protocols_form(
    case: tuple[str, str, Any, str], platform: Platform, issued: Mapping[str, Mapping[str, Any]]
) -> None:
    method, path, body, role = case
    answer = platform.ask(method, path, body, token=issued[role]["token"])
    assert answer.status_code == 403
    route = "mlflow" if path.startswith("/api") else "native"
    check_form(route, answer, role, "role-required", "PERMISSION_DENIED")


def test_a_viewer_may_ask_for_predictions(
    platform: Platform, issued: Mapping[str, Mapping[str, Any]]
) -> None:
    answer = platform.ask("POST", "/v2/models/nobody/infer", INFER, token=issued["viewer"]["token"])
    assert (answer.status_code, answer.json()) == (404, {"error": "there is no deployment 'nobody'"})


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", "/v2/health/ready"])
def test_the_servers_health_is_open_to_all(path: str, platform: Platform) -> None:
    assert platform.http.get(path).status_code == 200


def test_a_token_is_shown_once_listed_by_its_end_and_revoked(
    platform: Platform, issued: Mapping[str, Mapping[str, Any]]
) -> None:
    made = issue_token(platform.account, STAGE, "e2e lost", "contributor", days=2)
    listed = steps.tokens(platform)["e2e lost"]
    assert (listed["token_id"], listed["last_four"]) == (made["token_id"], made["token"][-4:])
    assert (listed["role"], listed["created_by"]) == ("contributor", "operator")
    shown = platform.ask("GET", "/v1/access/tokens").text
    assert made["token"].rpartition("_")[2] not in shown
    me = platform.ask("GET", "/v1/access/me", token=issued["viewer"]["token"])
    assert me.json() == {"name": "e2e viewer", "role": "viewer"}
    platform.delete(f"/v1/access/tokens/{made['token_id']}")
    assert "e2e lost" not in steps.tokens(platform)
    assert platform.ask("GET", "/v1/access/me", token=made["token"]).status_code == 401
    assert platform.ask("DELETE", f"/v1/access/tokens/{made['token_id']}").status_code == 404


def check_form(route: str, answer: httpx.Response, said: str, code: str, mlflow_code: str) -> None:
    told = answer.json()
    if route == "native":
        assert answer.headers["content-type"] == "application/problem+json"
        assert (told["type"], told["status"]) == (f"/errors/{code}", answer.status_code)
        assert said in told["detail"]
    elif route == "inference":
        assert told.keys() == {"error"}
        assert said in told["error"]
    else:
        assert told["error_code"] == mlflow_code
        assert said in told["message"]
