"""Anything at all is sent to every route of MLflow's protocol: it is answered, or refused in MLflow's form.

The routes, and the fields that they take, are read from the doors, so a new route is in it by itself.
"""

import inspect
import json
import os
import re
import typing
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shelflife.entry.forms import failure_of, render
from tests.harness.mlflow_doors import CONTEXTS, mlflow_doors
from tests.harness.tree import ROOT

pytestmark = pytest.mark.slow

_V2: Final = "/api/2.0/mlflow"
_V3: Final = "/api/3.0/mlflow"
_EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "4"))
_MODEL_NAME = re.compile(r"\b(\w+)\.(\w+)\b")


class Route(NamedTuple):
    method: str
    path: str
    models: tuple[type[BaseModel], ...]


def _routes() -> Iterator[Route]:
    for context in CONTEXTS:
        for source in sorted((ROOT / "functions" / context).glob("*/handler.py")):
            module = import_module(f"functions.{context}.{source.parent.name}.handler")
            for method, path, guarded in getattr(getattr(module, "door", None), "_routes", ()):
                if "error_code" in render(failure_of(ValueError()), path).body:
                    yield Route(method, path, tuple(_models(guarded, module)))


def _models(guarded: Any, module: Any) -> Iterator[type[BaseModel]]:
    """Those that the route's function names, in its decorator or where it reads the parameters."""
    function = inspect.getclosurevars(guarded).nonlocals["handler"]
    for owner, name in _MODEL_NAME.findall(inspect.getsource(function)):
        model = getattr(getattr(module, owner, None), name, None)
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield model


ROUTES: Final = list(_routes())

_ODD_TEXTS: Final = (
    "",
    " ",
    "\x00",
    "\ud800",
    "größe 🥛",
    "a/../b",
    "%",
    "'",
    "`",
    "NaN",
    "-Infinity",
    "x" * 9000,
    "9" * 40,
    "1e999",
    "metrics.mae > 'a'",
    "name LIKE '%(' AND tags.`a` != \"b\"",
    "metrics.mae DESC",
    "attributes.start_time ASC",
    "eyJhIjogMX0=",
)
_PLAIN: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(_ODD_TEXTS)
)
_ANYTHING: Final = st.recursive(
    _PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def _nested(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _nested(inner)


def _values(name: str, annotation: Any, known: dict[str, str]) -> st.SearchStrategy[Any]:
    models = list(_nested(annotation))
    if models:
        one = st.one_of([_body(model, known) for model in models])
        return one | st.lists(one, max_size=3) | _ANYTHING
    right = st.sampled_from([known.get(name, "kept"), *known.values(), 1, 5, 1.5, "1", ["1"], True])
    several = st.lists(st.sampled_from([known.get(name.removesuffix("s"), "kept"), *_ODD_TEXTS]), max_size=3)
    return right | right | several | _ANYTHING


def _body(model: type[BaseModel], known: dict[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {
        field.alias or name: _values(name, field.annotation, known)
        for name, field in model.model_fields.items()
    }
    return st.fixed_dictionaries({}, optional=fields | {"unknown": _ANYTHING})


def _complete(model: type[BaseModel], known: dict[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """All that is required is there, though not always right."""
    needed = {
        field.alias or name: _values(name, field.annotation, known)
        for name, field in model.model_fields.items()
        if field.is_required() or name in known
    }
    return st.tuples(st.fixed_dictionaries(needed), _body(model, known)).map(lambda two: two[1] | two[0])


def _queries(fields: dict[str, Any]) -> str:
    pairs = [
        (name, text if isinstance(text, str) else json.dumps(text))
        for name, value in fields.items()
        for text in (value if isinstance(value, list) else [value])
    ]
    return urlencode(pairs, errors="surrogatepass")


def _requests(route: Route, known: dict[str, str]) -> st.SearchStrategy[httpx.Request]:
    fields: st.SearchStrategy[Any] = st.one_of(
        [each(model, known) for model in route.models for each in (_body, _complete)]
        or [st.dictionaries(st.sampled_from(sorted(known)), st.sampled_from(sorted(known.values())))]
    )
    raw = st.binary(max_size=40) | st.sampled_from([b"", b"{", b"[]", b"null", b'{"a":NaN}', b"\xff\xfe"])
    parameters = st.sampled_from([*known.values(), "a/b", "..", "\x00", "größe"]) | st.text(
        min_size=1, max_size=8
    )
    kinds = st.sampled_from(["application/json"] * 6 + ["", "text/plain", "application/x-protobuf"])

    @st.composite
    def made(draw: st.DrawFn) -> httpx.Request:
        def filled(found: re.Match[str]) -> str:
            # A path without its parameter would be another route.
            said = known.get(found[1]) if draw(st.booleans()) else None
            return quote((said or draw(parameters)).encode("utf-8", "replace"), safe="")

        path = re.sub(r"<(\w+)>", filled, route.path).replace(
            "/.+", "/" + quote(draw(parameters).encode("utf-8", "replace"))
        )
        sent = draw(fields)
        if route.method == "GET":
            return httpx.Request(route.method, f"http://shelflife.test{path}?{_queries(sent)}")
        body = draw(raw) if draw(st.integers(0, 9)) == 0 else json.dumps(sent).encode()
        return httpx.Request(
            route.method, f"http://shelflife.test{path}", content=body, headers={"Content-Type": draw(kinds)}
        )

    return made()


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with mlflow_doors() as client:
        yield client


@pytest.fixture
def known(http: httpx.Client) -> dict[str, str]:
    """What is there to be hit, made anew for each route: the one before may have deleted it."""
    number = next(_NUMBERS)

    def post(path: str, body: Any) -> Any:
        answer = http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    name = f"kept-{number}"
    experiment = post(f"{_V2}/experiments/create", {"name": name})["experiment_id"]
    run = post(f"{_V2}/runs/create", {"experiment_id": experiment, "start_time": 1})["run"]["info"]["run_id"]
    post(f"{_V2}/runs/log-metric", {"run_id": run, "key": "mae", "value": 1, "timestamp": 1})
    post(f"{_V2}/registered-models/create", {"name": name})
    post(f"{_V2}/model-versions/create", {"name": name, "source": f"runs:/{run}/model", "run_id": run})
    model = post(f"{_V2}/logged-models", {"experiment_id": experiment, "name": "m"})["model"]["info"][
        "model_id"
    ]
    trace = f"tr-{number:032x}"
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    info = {
        "trace_id": trace,
        "trace_location": location,
        "request_time": "2026-11-20T12:00:00Z",
        "state": "OK",
    }
    post(f"{_V3}/traces", {"trace": {"trace_info": info}})
    return {
        "experiment_id": experiment,
        "run_id": run,
        "run_uuid": run,
        "name": name,
        "experiment_name": name,
        "version": "1",
        "model_id": model,
        "trace_id": trace,
        "request_id": trace,
        "metric_key": "mae",
        "key": "mae",
        "value": "1",
        "alias": "champion",
        "stage": "Production",
    }


_NUMBERS = iter(range(1, 100_000))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_anything_is_answered_or_refused_in_mlflows_form(
    route: Route, http: httpx.Client, known: dict[str, str]
) -> None:
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_requests(route, known))
    def sent(request: httpx.Request) -> None:
        answer = http.send(request)
        assert answer.status_code < 500, (request.method, request.url, request.content, answer.text)
        if answer.status_code >= 400:
            told = answer.json()
            assert set(told) == {"error_code", "message"}, told
            assert all(isinstance(text, str) and text for text in told.values()), told

    sent()
    _everything_can_be_read(http, known["experiment_id"])


def _everything_can_be_read(http: httpx.Client, experiment_id: str) -> None:
    """What was taken in did not spoil what is there for those who come after."""
    everywhere = {"experiment_ids": ["0", experiment_id]}
    for path, body in (
        (f"{_V2}/experiments/search", {"max_results": 1000, "view_type": "ALL"}),
        (f"{_V2}/runs/search", everywhere | {"run_view_type": "ALL"}),
        (f"{_V2}/logged-models/search", everywhere),
        (
            f"{_V3}/traces/search",
            {
                "locations": [
                    {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
                ]
            },
        ),
    ):
        assert http.post(path, json=body).status_code == 200, path
    for kind in ("registered-models", "model-versions"):
        assert http.get(f"{_V2}/{kind}/search").status_code == 200, kind
