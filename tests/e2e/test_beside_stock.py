"""The same requests to a stock server and to our doors: the same is refused, and the same is found."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest

from tests.e2e.differences import (
    EXPERIMENT_FILTERS,
    MODEL_FILTERS,
    REFUSED,
    SEARCHES,
    STRICTER,
    V2,
    V3,
    VERSION_FILTERS,
    Asked,
)
from tests.e2e.searches import LOGGED_MODEL_SEARCHES, OTHERWISE, TRACE_SEARCHES
from tests.harness.mlflow_doors import mlflow_doors
from tests.harness.stock import stock

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Server:
    """A server with the same things in it as the other one, and the ids that it gave them."""

    http: httpx.Client
    ids: dict[str, str]

    def answer(self, asked: Asked) -> httpx.Response:
        body = asked.body if isinstance(asked.body, str) else json.dumps(asked.body)
        content = self._filled(body) if asked.body is not None else None
        return self.http.request(
            asked.method, self._filled(asked.path), content=content, headers=asked.headers
        )

    def found(self, path: str, body: Any) -> Any:
        answer = self.answer(Asked("POST", path, body))
        return answer.json() if answer.status_code == 200 else answer.json()["error_code"]

    def listed(self, path: str, **query: str) -> Any:
        answer = self.http.get(path, params={name: self._filled(text) for name, text in query.items()})
        return answer.json() if answer.status_code == 200 else answer.json()["error_code"]

    def _filled(self, text: str) -> str:
        for name, value in self.ids.items():
            text = text.replace(f"{{{name}}}", value)
        return text


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with stock(tmp_path_factory.mktemp("stock")) as url, httpx.Client(base_url=url, timeout=60) as http:
        yield Server(http, _fill(http))


@pytest.fixture(scope="module")
def ours() -> Iterator[Server]:
    with mlflow_doors() as http:
        yield Server(http, _fill(http))


def _fill(http: httpx.Client) -> dict[str, str]:
    made = _post(http, "experiments/create", {"name": "kept", "tags": [{"key": "team", "value": "risk"}]})
    experiment = made["experiment_id"]
    _post(http, "experiments/create", {"name": "other"})
    runs = [_run(http, experiment, number) for number in range(5)]
    _post(http, "runs/delete", {"run_id": runs[4]})
    for name, tags in (("kept", [{"key": "team", "value": "risk"}]), ("Kaput", [])):
        _post(http, "registered-models/create", {"name": name, "tags": tags})
        source = f"mlflow-artifacts:/{experiment}/{runs[0]}/artifacts/model"
        version = {"name": name, "source": source, "run_id": runs[0], "tags": tags}
        _post(http, "model-versions/create", version)
    for number in range(5):
        _model(http, experiment, runs[number % 3], number)
    for number in range(6):
        _trace(http, experiment, runs[number % 2], number)
    return {"experiment": experiment, "run": runs[0], "second run": runs[1]}


#: Of the five runs, what each has beside `mae` and its algorithm.
_METRICS: Final[dict[int, dict[str, Any]]] = {
    1: {"nan": "NaN"},
    2: {"nan": 2, "with space": 1},
    3: {"nan": "NaN"},
}
_TAGS: Final = {
    0: {"team": "risk"},
    1: {"team": "risk"},
    2: {"team": "growth"},
    3: {"team": "growth", "a key": "it's"},
}
_UNFINISHED, _WITHOUT_DEPTH, _WITH_DATA, _SMALL = 2, 1, {0, 1}, {0, 1, 2}


def _run(http: httpx.Client, experiment: str, number: int) -> str:
    asked = {"experiment_id": experiment, "run_name": f"run {number}", "start_time": 100 + 50 * number}
    run_id: str = _post(http, "runs/create", asked | {"user_id": "ada"})["run"]["info"]["run_id"]
    metrics: dict[str, Any] = {"mae": 1 / (number + 1), **_METRICS.get(number, {})}
    params = {"algorithm": "forest" if number in _SMALL else "Forest"}
    if number != _WITHOUT_DEPTH:
        params["depth"] = str(number)
    logged = {
        "metrics": [{"key": k, "value": v, "timestamp": 5, "step": 0} for k, v in metrics.items()],
        "params": [{"key": k, "value": v} for k, v in params.items()],
        "tags": [{"key": k, "value": v} for k, v in _TAGS.get(number, {}).items()],
    }
    _post(http, "runs/log-batch", {"run_id": run_id, **logged})
    if number in _WITH_DATA:
        dataset = {"name": "bikes", "digest": f"d{number}", "source_type": "s3", "source": "{}"}
        tags = [{"key": "mlflow.data.context", "value": "training"}]
        _post(http, "runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": tags}]})
    if number != _UNFINISHED:
        ended = {"run_id": run_id, "status": "FINISHED", "end_time": 1000 - number}
        _post(http, "runs/update", ended)
    return run_id


def _model(http: httpx.Client, experiment: str, run_id: str, number: int) -> None:
    asked = {
        "experiment_id": experiment,
        "name": ("alpha", "beta", "alpha", "Gamma", "delta")[number],
        "model_type": ("Agent", "", "Agent", "LLM", "")[number],
        "source_run_id": run_id,
        "params": [{"key": "depth", "value": str(number)}],
        "tags": [{"key": "team", "value": "risk" if number < _UNFINISHED else "growth"}],
    }
    model_id = _post(http, "logged-models", asked)["model"]["info"]["model_id"]
    status = {3: "LOGGED_MODEL_UPLOAD_FAILED", 4: None}.get(number, "LOGGED_MODEL_READY")
    if status:
        ended = {"model_id": model_id, "status": status}
        http.patch(f"{V2}/logged-models/{model_id}", json=ended).raise_for_status()
    of_model = {"timestamp": 10 + number, "step": 0, "model_id": model_id}
    metrics = [{"key": "acc", "value": (0.5, 0.9, 0.7, 0.2, 0.8)[number], **of_model}]
    if number in {0, 2}:
        on = {"dataset_name": "test", "dataset_digest": "d1", "timestamp": 20}
        metrics.append({"key": "acc", "value": 0.95 - number / 10, **of_model, **on})
    if number == 1:
        metrics.append({"key": "f1", "value": 0.3, **of_model})
    _post(http, "runs/log-batch", {"run_id": run_id, "metrics": metrics})


def _trace(http: httpx.Client, experiment: str, run_id: str, number: int) -> None:
    info = {
        "trace_id": f"tr-{number}",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
        "request_time": f"2026-11-20T08:0{number}:00Z",
        "state": ("OK", "ERROR", "OK", "IN_PROGRESS", "OK", "ERROR")[number],
        "execution_duration": f"{(number + 1) * 0.5:.3f}s",
        "request_preview": f"why {number}",
        "client_request_id": f"req-{number}",
        "trace_metadata": {
            "mlflow.trace.session": "s1" if number in _SMALL else "s2",
            "mlflow.sourceRun": run_id,
            "own": "x" if number == _UNFINISHED else "y",
        },
        "tags": {
            "mlflow.traceName": f"name {number % 3}",
            "team": "risk" if number in {0, 1} else "growth",
            **({"odd key": "it's"} if number > len(_SMALL) else {}),
        },
    }
    http.post(f"{V3}/traces", json={"trace": {"trace_info": info}}).raise_for_status()
    if number in _SMALL:
        at = "2026-11-20T09:00:00Z"
        said = {
            "trace_id": f"tr-{number}",
            "assessment_name": "good",
            "source": {"source_type": "HUMAN", "source_id": "ada"},
            "feedback": {"value": number != 1},
            "create_time": at,
            "last_update_time": at,
        }
        http.post(f"{V3}/traces/tr-{number}/assessments", json={"assessment": said}).raise_for_status()


def _post(http: httpx.Client, path: str, body: Any) -> Any:
    answer = http.post(f"{V2}/{path}", json=body)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def _name(asked: Asked) -> str:
    body = asked.body if isinstance(asked.body, str) else json.dumps(asked.body)
    kind = asked.headers.get("Content-Type", "no type")
    told = body[:90] if asked.body is not None else ""
    return f"{asked.method} {asked.path} {told}" + ("" if kind == "application/json" else f" {kind}")


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and MLflow's code; a stock server tells unknown addresses in HTML."""
    if "application/json" not in answer.headers.get("content-type", ""):
        return answer.status_code, ""
    told = answer.json()
    return answer.status_code, told.get("error_code", "") if isinstance(told, dict) else ""


@pytest.mark.parametrize("asked", REFUSED, ids=_name)
def test_the_same_is_refused_in_the_same_way(asked: Asked, ours: Server, theirs: Server) -> None:
    their, our = theirs.answer(asked), ours.answer(asked)
    (status, code), found = _refusal(their), _refusal(our)
    if _name(asked) in STRICTER:
        assert status == 200 or code == "BAD_REQUEST", "a stock server refuses this in its own words now"
        assert found[0] in {400, 404}
        assert found[1]
    elif status >= 500:
        assert found[0] == 400, our.text
    elif not code and status >= 400:
        # What a stock server refuses in HTML is refused here in MLflow's form.
        assert (found[0], bool(found[1])) == (status, True), our.text
    else:
        assert found == (status, code), (their.text, our.text)


def _runs(answer: Any) -> Any:
    if isinstance(answer, str):
        return answer
    return [run["info"]["run_name"] for run in answer.get("runs", [])], "next_page_token" in answer


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: json.dumps(search)[:140])
def test_the_same_runs_are_found_in_the_same_order(search: Any, ours: Server, theirs: Server) -> None:
    path = f"{V2}/runs/search"
    assert _runs(ours.found(path, search)) == _runs(theirs.found(path, search))


@pytest.mark.parametrize("text", MODEL_FILTERS)
def test_the_same_models_are_found(text: str, ours: Server, theirs: Server) -> None:
    def names(server: Server) -> Any:
        found = server.listed(f"{V2}/registered-models/search", filter=text)
        return found if isinstance(found, str) else [m["name"] for m in found.get("registered_models", [])]

    assert names(ours) == names(theirs)


@pytest.mark.parametrize("text", VERSION_FILTERS)
def test_the_same_versions_are_found(text: str, ours: Server, theirs: Server) -> None:
    def names(server: Server) -> Any:
        found = server.listed(f"{V2}/model-versions/search", filter=text, order_by="name ASC")
        return found if isinstance(found, str) else [m["name"] for m in found.get("model_versions", [])]

    assert names(ours) == names(theirs)


def _found(server: Server, path: str, search: Any, tell: Callable[[Any], Any]) -> Any:
    """What is found, in order, and whether there is more; or the code with which it is refused."""
    answer = server.answer(Asked("POST", path, search))
    if answer.status_code != 200:
        return _refusal(answer)
    found = answer.json()
    return [tell(one) for one in found.get("models", found.get("traces", []))], "next_page_token" in found


def _model_told(model: Any) -> Any:
    depth = [one["value"] for one in model["data"]["params"] if one["key"] == "depth"]
    return model["info"]["name"], depth


@pytest.mark.parametrize("search", LOGGED_MODEL_SEARCHES, ids=lambda search: json.dumps(search)[:140])
def test_the_same_logged_models_are_found_in_the_same_order(
    search: Any, ours: Server, theirs: Server
) -> None:
    path = f"{V2}/logged-models/search"
    asked = {"experiment_ids": ["{experiment}"]} | search
    our, their = (_found(server, path, asked, _model_told) for server in (ours, theirs))
    if (reason := OTHERWISE.get(json.dumps(search))) is not None:
        assert our != their, f"no longer: {reason}"
    else:
        assert our == their


@pytest.mark.parametrize("search", TRACE_SEARCHES, ids=lambda search: json.dumps(search)[:140])
def test_the_same_traces_are_found_in_the_same_order(search: Any, ours: Server, theirs: Server) -> None:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{experiment}"}}
    asked = {"locations": [place]} | search
    path = f"{V3}/traces/search"
    our, their = (_found(server, path, asked, lambda one: one["trace_id"]) for server in (ours, theirs))
    if (reason := OTHERWISE.get(json.dumps(search))) is not None:
        assert our != their, f"no longer: {reason}"
    else:
        assert our == their


@pytest.mark.parametrize("text", EXPERIMENT_FILTERS)
def test_the_same_experiments_are_found(text: str, ours: Server, theirs: Server) -> None:
    def names(server: Server) -> Any:
        asked = {"max_results": 100, "filter": text, "order_by": ["name ASC"]}
        found = server.found(f"{V2}/experiments/search", asked)
        return found if isinstance(found, str) else [one["name"] for one in found.get("experiments", [])]

    assert names(ours) == names(theirs)
