"""MLflow's own pages, as the layer brings them."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from functions.tracking.pages.handler import handler
from infra.build import layers
from shelflife.tracking import pages
from tests.harness.events import LambdaContext, http_event

COMPRESSED = {"accept-encoding": "gzip, br"}


@pytest.fixture(autouse=True)
def layer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(layers.BUILT / "local" / layers.PAGES / "python")
    pages._folder.cache_clear()
    yield
    pages._folder.cache_clear()


def answered(path: str, method: str = "GET", **event: Any) -> dict[str, Any]:
    answer: dict[str, Any] = handler(http_event(method, path, **event), LambdaContext())
    return answer


def content(answer: dict[str, Any]) -> bytes:
    body = base64.b64decode(answer["body"])
    return gzip.decompress(body) if answer["headers"].get("Content-Encoding") == "gzip" else body


def files() -> list[str]:
    folder = pages._folder()
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return [path.removesuffix(".gz") for path in found]


def test_who_is_not_signed_in_is_led_to_where_one_does() -> None:
    answer = answered("/", role=None)
    assert (answer["statusCode"], answer["headers"]["Location"]) == (302, "sign-in")
    assert answer["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("headers", [{}, COMPRESSED])
def test_the_page_and_all_that_it_names_are_there(headers: dict[str, str]) -> None:
    answer = answered("/", role="viewer", headers=headers)
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert answer["headers"]["Cache-Control"] == "no-cache"
    named = re.findall(r'(?:src|href)="(?:\./)?(static-files/[^"]+)"', content(answer).decode())
    assert len(named) >= 4
    for path in named:
        assert answered(f"/{path}", role=None, headers=COMPRESSED)["statusCode"] == 200


def test_every_file_can_be_answered() -> None:
    found = files()
    assert len(found) > 400
    for path in found:
        answer = answered(f"/static-files/{path}", role=None, headers=COMPRESSED)
        assert answer["statusCode"] == 200, path
        assert answer["headers"]["X-Content-Type-Options"] == "nosniff"


def test_files_that_are_named_by_their_content_are_kept_by_browsers() -> None:
    (main,) = [path for path in files() if re.fullmatch(r"static/js/main\.\w+\.js", path)]
    answer = answered(f"/static-files/{main}", role=None, headers=COMPRESSED)
    assert answer["headers"]["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["headers"]["Content-Type"] == "text/javascript; charset=utf-8"
    assert len(answer["body"]) < 2_000_000 < len(content(answer))


def test_the_licences_travel_along() -> None:
    found = files()
    assert "licenses/LICENSE.txt" in found
    assert len([path for path in found if path.endswith(".LICENSE.txt")]) >= 100


def test_nothing_else_of_the_package_is_shipped() -> None:
    assert [path for path in files() if path.endswith((".py", ".pyc"))] == []
    assert [path.name for path in pages._folder().parent.iterdir()] == [pages.PACKAGE]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static-files/static/js/nothing.js", 404),
        ("/static-files/static", 404),
        ("/static-files/../handler.py", 400),
        ("/static-files/%2e%2e/%2e%2e/handler.py", 400),
        ("/static-files//etc/passwd", 400),
    ],
)
def test_what_is_no_file_of_the_pages_is_not_answered(path: str, status: int) -> None:
    answer = answered(path, role=None)
    assert answer["statusCode"] == status
    assert "detail" in json.loads(answer["body"])


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "2.0/mlflow/gateway-proxy", {"endpoints": []}),
        ("GET", "2.0/mlflow/webhooks", {}),
        ("GET", "3.0/mlflow/assistant/providers", {"providers": []}),
        ("POST", "3.0/mlflow/datasets/search", {}),
        ("GET", "3.0/mlflow/gateway/endpoints/list", {}),
        ("GET", "3.0/mlflow/gateway/endpoints/bindings/list", {}),
        ("POST", "3.0/mlflow/issues/search", {}),
        ("GET", "3.0/mlflow/mcp-servers", {"mcp_servers": []}),
        ("GET", "3.0/mlflow/scorers/list?experiment_id=0", {}),
        ("GET", "3.0/mlflow/scorers/online-configs", {"configs": []}),
        ("GET", "3.0/mlflow/users/current/permissions", {"permissions": []}),
    ],
)
def test_features_that_are_not_here_have_nothing_to_show(method: str, path: str, told: Any) -> None:
    answer = answered(f"/ajax-api/{path}", method, role="viewer")
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, told)
    assert answered(f"/ajax-api/{path}", method, role=None)["statusCode"] == 401


def test_the_pages_are_told_who_is_signed_in_and_to_tell_nobody_else() -> None:
    answer = answered("/ajax-api/2.0/mlflow/users/current", principal="ada", role="admin")
    assert json.loads(answer["body"])["user"] == {"username": "ada", "is_admin": False}
    answer = answered("/ajax-api/3.0/mlflow/ui-telemetry", role="viewer")
    assert json.loads(answer["body"])["disable_ui_telemetry"] is True
