"""One door, asked in both event formats: what AWS's two gateways send must make no difference."""

import base64
import json
from http import HTTPStatus
from typing import Any

import pytest
from pydantic import Field

from shelflife.contracts.access import Role
from shelflife.entry.http import ANSWER_LIMIT, Answer, Call, HttpDoor
from shelflife.kernel.errors import (
    ConflictError,
    FieldFault,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context
from tests.harness.events import LambdaContext, http_event

#: The same routes under each protocol's root, since the root decides the form of an error.
ROOTS = ("/v1/registry", "/v2/models", "/api/2.0/mlflow", "/ajax-api/2.0/mlflow")
SECRET = "the password is 5ecre7"


class Milk(Model):
    name: str
    litres: int = Field(1, ge=1)


class MilkSpilledError(ConflictError):
    mlflow_code = "RESOURCE_ALREADY_EXISTS"


FAILURES: dict[str, Exception] = {
    "missing": NotFoundError("there is no milk"),
    "spilled": MilkSpilledError("the milk is spilled"),
    "conflict": ConflictError("the milk is taken"),
    "invalid": InvalidError("the milk is sour", [FieldFault("milk", "sour")]),
    "large": TooLargeError("a glass holds 1 litre"),
    "forbidden": ForbiddenError("the milk is not yours"),
    "unavailable": UnavailableError("the cow sleeps"),
    "broken": RuntimeError(SECRET),
}

door = HttpDoor(Context.REGISTRY)


def fail(call: Call[None], kind: str) -> None:
    raise FAILURES[kind]


def told(call: Call[Any], **parameters: str) -> dict[str, Any]:
    body = call.body.model_dump() if call.body else None
    return {
        "principal": call.principal.name,
        "body": body,
        "raw": call.raw.decode(errors="replace"),
        "method": call.method,
        "path": call.path,
        "query": dict(call.query),
        "limit": call.page()[0],
        "agent": call.headers["user-agent"],
        **parameters,
    }


def answer(call: Call[None], kind: str) -> Any:
    return {
        "bytes": Answer(b"\x00\xff", content_type="application/octet-stream"),
        "nothing": Answer(status=HTTPStatus.NO_CONTENT),
        "headers": Answer({"a": 1}, HTTPStatus.CREATED, {"X-Cow": "Berta"}),
        "model": Milk(name="große"),
        "text": "[1]",
        "fits": "x" * (ANSWER_LIMIT - 2),
        "long": "x" * ANSWER_LIMIT,
        "quotes": '"' * (ANSWER_LIMIT // 2 + 1),
        "umlauts": "ä" * (ANSWER_LIMIT // 2 + 1),
        "file": bytes(ANSWER_LIMIT * 3 // 4 + 3),
    }[kind]


for root in ROOTS:
    door.get(f"{root}/failures/<kind>")(fail)
    door.get(f"{root}/answers/<kind>")(answer)
    door.get(f"{root}/milk/<name>")(told)
    door.post(f"{root}/milk", body=Milk)(told)
    door.put(f"{root}/milk/<name>/raw/.+", role=Role.ADMIN)(told)
    door.delete(f"{root}/open", role=None)(told)


@pytest.fixture(params=["1.0", "2.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked(method: str, path: str, body: Any = None, **event: Any) -> dict[str, Any]:
    """The answer with its headers as one mapping; the formats differ in that."""
    answered = door.handle(http_event(method, path, body, **event), LambdaContext())
    many = answered.pop("multiValueHeaders", None) or {}
    return answered | {
        "headers": answered.get("headers") or {name: values[0] for name, values in many.items()}
    }


def ask(method: str, path: str, body: Any = None, **event: Any) -> tuple[int, Any]:
    found = asked(method, path, body, **event)
    return found["statusCode"], json.loads(found["body"])


def test_both_formats_are_the_same_call() -> None:
    path = "/v1/registry/milk/fresh?limit=7&tag=a&tag=b,c&empty=&text=%C3%A4%20%26%3D"
    first, second = (ask("GET", path, version=version) for version in ("1.0", "2.0"))
    assert first[0] == second[0] == 200
    query = second[1].pop("query")
    assert query == {"limit": ["7"], "tag": ["a", "b,c"], "empty": [""], "text": ["ä &="]}
    assert first[1].pop("query") == {name: values for name, values in query.items() if name != "empty"}
    assert first[1] == second[1]
    assert second[1]["path"] == "/v1/registry/milk/fresh"
    assert second[1]["limit"] == 7
    assert second[1]["name"] == "fresh"


def test_a_stage_in_the_path_of_format_2_is_left_out() -> None:
    event = http_event("GET", "/v1/registry/milk/fresh")
    event["rawPath"] = "/prod/v1/registry/milk/fresh"
    event["requestContext"]["stage"] = "prod"
    answered = door.handle(event, LambdaContext())
    assert json.loads(answered["body"])["path"] == "/v1/registry/milk/fresh"


def test_a_request_with_nothing_but_its_path_is_a_call(version: str) -> None:
    event = http_event("DELETE", "/v1/registry/open", role=None, version=version)
    event["headers"] = {"User-Agent": "bare"}
    for name in ("queryStringParameters", "multiValueQueryStringParameters", "body", "multiValueHeaders"):
        event[name] = None
    assert door.handle(event, LambdaContext())["statusCode"] == 200


@pytest.mark.parametrize("body", [b'{"name": "fresh"}', '{"name": "fresh"}', {"name": "fresh"}])
def test_a_body_may_come_in_base64(version: str, body: Any) -> None:
    status, call = ask("POST", "/v1/registry/milk", body, version=version)
    assert (status, call["body"]) == (200, {"name": "fresh", "litres": 1})


def test_bytes_come_as_they_were_sent(version: str) -> None:
    status, call = ask("PUT", "/v1/registry/milk/x/raw/any/where", b"\xff\x00", version=version)
    assert (status, call["raw"]) == (200, "\N{REPLACEMENT CHARACTER}\x00")


@pytest.mark.parametrize("body", ["{", "[1]", b"\xff", "", "null"])
def test_a_body_that_is_no_json_of_the_model_is_400(version: str, body: Any) -> None:
    status, problem = ask("POST", "/v1/registry/milk", body, version=version)
    assert status == 400
    assert problem["errors"]


def test_a_body_that_is_not_the_base64_it_is_said_to_be_is_400(version: str) -> None:
    event = http_event("POST", "/v1/registry/milk", "%%%", version=version) | {"isBase64Encoded": True}
    answered = door.handle(event, LambdaContext())
    assert (answered["statusCode"], json.loads(answered["body"])["type"]) == (400, "/errors/invalid-body")


def test_each_fault_of_a_body_is_named_with_its_value(version: str) -> None:
    status, problem = ask("POST", "/v1/registry/milk", {"litres": 0, "colour": "red"}, version=version)
    faults = {fault["field"]: fault["message"] for fault in problem["errors"]}
    assert (status, set(faults)) == (400, {"name", "litres", "colour"})
    assert "got 0" in faults["litres"]


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("viewer", "GET", "milk/x", 200),
        ("viewer", "POST", "milk", 403),
        ("contributor", "POST", "milk", 200),
        ("approver", "PUT", "milk/x/raw/y", 403),
        ("admin", "PUT", "milk/x/raw/y", 200),
        (None, "GET", "milk/x", 401),
        (None, "DELETE", "open", 200),
    ],
)
def test_a_route_asks_for_a_role(version: str, role: str | None, method: str, path: str, status: int) -> None:
    body = {"name": "fresh"} if method == "POST" else None
    found = asked(method, f"/v1/registry/{path}", body, role=role, version=version)
    assert found["statusCode"] == status
    assert (found["headers"].get("WWW-Authenticate") == "Bearer") == (status == 401)


def test_who_may_not_call_does_not_learn_what_the_body_should_be(version: str) -> None:
    assert asked("POST", "/v1/registry/milk", "{", role="viewer", version=version)["statusCode"] == 403


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(
    ("kind", "status", "mlflow"),
    [
        ("missing", 404, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("spilled", 409, (400, "RESOURCE_ALREADY_EXISTS")),
        ("conflict", 409, (409, "RESOURCE_CONFLICT")),
        ("invalid", 400, (400, "INVALID_PARAMETER_VALUE")),
        ("large", 413, (413, "INVALID_PARAMETER_VALUE")),
        ("forbidden", 403, (403, "PERMISSION_DENIED")),
        ("unavailable", 503, (503, "TEMPORARILY_UNAVAILABLE")),
    ],
)
def test_an_error_has_the_form_of_its_protocol(
    version: str, root: str, kind: str, status: int, mlflow: tuple[int, str]
) -> None:
    path = f"{root}/failures/{kind}"
    found = asked("GET", path, version=version)
    detail, body = str(FAILURES[kind]), json.loads(found["body"])
    content_type = found["headers"]["Content-Type"]
    if root.startswith("/v1"):
        assert (found["statusCode"], content_type) == (status, "application/problem+json")
        assert (body["status"], body["detail"], body["instance"]) == (status, detail, path)
        assert body["type"].startswith("/errors/")
        assert body.get("errors") == ([{"field": "milk", "message": "sour"}] if kind == "invalid" else None)
    elif root.startswith("/v2"):
        assert (found["statusCode"], content_type, body) == (status, "application/json", {"error": detail})
    else:
        assert (found["statusCode"], body["error_code"]) == mlflow
        assert (content_type, body["message"]) == ("application/json", detail)


@pytest.mark.parametrize("root", ROOTS)
def test_what_nobody_expected_is_500_and_its_text_stays_in_the_log(
    version: str, root: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = asked("GET", f"{root}/failures/broken", version=version)
    assert found["statusCode"] == 500
    assert SECRET not in json.dumps(found)
    assert "RuntimeError" not in json.dumps(found)
    assert any(record.exc_info and str(record.exc_info[1]) == SECRET for record in caplog.records)


@pytest.mark.parametrize("root", ROOTS)
def test_a_path_that_is_not_there_is_404_and_a_method_405(version: str, root: str) -> None:
    assert asked("GET", f"{root}/nowhere", version=version)["statusCode"] == 404
    assert asked("GET", f"{root}/milk/a/b", version=version)["statusCode"] == 404
    found = asked("PATCH", f"{root}/milk/x", version=version)
    assert (found["statusCode"], found["headers"]["Allow"]) == (405, "GET")
    found = asked("GET", f"{root}/milk/x/raw/any/where", version=version)
    assert (found["statusCode"], found["headers"]["Allow"]) == (405, "PUT")


@pytest.mark.parametrize("kind", ["long", "quotes", "umlauts", "file"])
@pytest.mark.parametrize("root", ["/v1/registry", "/v2/models", "/api/2.0/mlflow"])
def test_an_answer_that_lambda_would_refuse_is_413_with_the_limit(version: str, root: str, kind: str) -> None:
    found = asked("GET", f"{root}/answers/{kind}", version=version)
    assert found["statusCode"] == 413
    assert str(ANSWER_LIMIT) in found["body"]


def test_an_answer_up_to_the_limit_goes_out(version: str) -> None:
    found = asked("GET", "/v1/registry/answers/fits", version=version)
    assert found["statusCode"] == 200
    assert len(json.dumps(found)) < 6 * 1024 * 1024


def test_answers_go_out_as_what_they_are(version: str) -> None:
    def answered(kind: str) -> dict[str, Any]:
        return asked("GET", f"/v1/registry/answers/{kind}", version=version)

    assert base64.b64decode(answered("bytes")["body"]) == b"\x00\xff"
    assert answered("bytes")["isBase64Encoded"] is True
    assert (answered("nothing")["statusCode"], answered("nothing")["body"]) == (204, "")
    assert (answered("headers")["statusCode"], answered("headers")["headers"]["X-Cow"]) == (201, "Berta")
    assert json.loads(answered("model")["body"]) == {"name": "große", "litres": 1}
    assert (answered("text")["body"], answered("text")["isBase64Encoded"]) == ("[1]", False)


@pytest.mark.parametrize("limit", ["0", "1001", "ten", "-1", "1.5", "²"])
def test_a_limit_is_a_number_within_bounds(version: str, limit: str) -> None:
    status, problem = ask("GET", f"/v1/registry/milk/x?limit={limit}", version=version)
    assert (status, problem["errors"][0]["field"]) == (400, "limit")


def test_a_call_is_logged_and_counted_by_its_route(
    version: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    asked("GET", "/v1/registry/milk/fresh", version=version)
    asked("GET", "/v1/registry/failures/broken", version=version)
    done = [record.__dict__ for record in caplog.records if record.getMessage() == "done"]
    assert [line["door"] for line in done] == [
        "registry GET /v1/registry/milk/<name>",
        "registry GET /v1/registry/failures/<kind>",
    ]
    assert [line["status"] for line in done] == [200, 500]
    assert done[0]["principal"] == "tester"
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["Failures"] for line in counted] == [[0.0], [1.0]]
