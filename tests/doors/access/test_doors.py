import json
from typing import Any

import pytest

from functions.access.api.handler import handler as api
from functions.access.authorize.handler import handler as authorize
from functions.access.issue_job_token.handler import handler as issue_job_token
from functions.access.issue_token.handler import handler as issue_token
from functions.access.revoke_job_token.handler import handler as revoke_job_token
from shelflife.access.settings import TABLE, AccessSettings
from shelflife.aws.clients import client
from tests.harness.cloud import make_table
from tests.harness.events import LambdaContext, golden, http_event

CONTEXT = LambdaContext()


@pytest.fixture(autouse=True)
def installed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(TABLE)
    settings = AccessSettings(access_table_name=table.table_name, stage_name="local")
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    answer = api(http_event(method, path, body, **event), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def authorized(text: str) -> Any:
    event = golden("access/authorize")
    return authorize(event | {"headers": {"authorization": f"Bearer {text}"}}, CONTEXT)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_token_is_shown_once_and_listed_without_its_text(version: str) -> None:
    status, made = ask("POST", "/v1/access/tokens", {"name": "ada", "role": "contributor"}, version=version)
    assert status == 201
    assert authorized(made["token"])["context"] == {"principal": "ada", "role": "contributor"}
    status, listed = ask("GET", "/v1/access/tokens", version=version)
    assert status == 200
    assert [token["last_four"] for token in listed["tokens"]] == [made["token"][-4:]]
    assert made["token"] not in json.dumps(listed)
    assert "sha256" not in json.dumps(listed)


def test_an_unknown_token_goes_on_as_nobody() -> None:
    assert authorized("shl_0_0") == {"isAuthorized": True, "context": {}}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_nobody_is_401_and_a_lesser_role_is_403(version: str) -> None:
    status, problem = ask("GET", "/v1/access/tokens", role=None, version=version)
    assert (status, problem["type"]) == (401, "/errors/unauthenticated")
    status, problem = ask("GET", "/v1/access/tokens", role="approver", version=version)
    assert (status, problem["type"]) == (403, "/errors/role-required")


def test_what_is_wrong_with_a_request_is_named() -> None:
    status, problem = ask("POST", "/v1/access/tokens", {"name": "ada", "role": "king", "colour": "red"})
    assert status == 400
    assert {fault["field"] for fault in problem["errors"]} == {"role", "colour"}
    status, problem = ask("POST", "/v1/access/tokens", "{")
    assert (status, problem["type"]) == (400, "/errors/invalid-body")
    status, problem = ask("POST", "/v1/access/tokens", {"name": "ada", "expires_in_days": 4000})
    assert (status, problem["errors"][0]["field"]) == (400, "expires_in_days")
    status, problem = ask("GET", "/v1/access/tokens?limit=none")
    assert (status, problem["errors"][0]["field"]) == (400, "limit")


def test_a_revoked_token_is_unknown() -> None:
    _, made = ask("POST", "/v1/access/tokens", {"name": "ada"})
    assert ask("DELETE", f"/v1/access/tokens/{made['token_id']}") == (204, None)
    assert authorized(made["token"])["context"] == {}
    status, problem = ask("DELETE", f"/v1/access/tokens/{made['token_id']}")
    assert (status, problem["type"]) == (404, "/errors/token-not-found")


def test_a_path_that_is_not_there_is_a_problem() -> None:
    status, problem = ask("GET", "/v1/access/nowhere")
    assert (status, problem["type"]) == (404, "/errors/route-not-found")


def test_an_operator_gets_the_first_token() -> None:
    made = issue_token(golden("access/issue_token"), CONTEXT)
    assert authorized(made["token"])["context"] == {"principal": "first administrator", "role": "admin"}


def test_a_job_finds_its_token_in_its_parameter_until_it_is_revoked() -> None:
    issued = issue_job_token(golden("access/issue_job_token"), CONTEXT)
    assert "shl_" not in json.dumps(issued)
    found = client("ssm").get_parameter(Name=issued["parameter_name"], WithDecryption=True)["Parameter"]
    assert found["Type"] == "SecureString"
    assert authorized(found["Value"])["context"]["role"] == "contributor"
    revoke_job_token(golden("access/revoke_job_token") | {"token_id": issued["token_id"]}, CONTEXT)
    assert authorized(found["Value"])["context"] == {}
