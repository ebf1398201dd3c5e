"""What is asked of a stock server and of our doors alike, and where their answers may differ."""

from typing import Any, Final, NamedTuple

V2: Final = "/api/2.0/mlflow"
V3: Final = "/api/3.0/mlflow"
JSON: Final = {"Content-Type": "application/json"}


class Asked(NamedTuple):
    """A request; `{…}` in its path and body stands for an id of the server that is asked."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = JSON


def _post(path: str, *bodies: Any) -> list[Asked]:
    return [Asked("POST", path, body) for body in bodies]


def _get(path: str, *queries: str) -> list[Asked]:
    return [Asked("GET", f"{path}?{query}" if query else path) for query in queries]


_NO_OBJECTS: Final = ("nonsense", "[]", "null", '"text"', "5", "{", "")
_LONG: Final = "x" * 251
_NO_NAMES: Final = ("a%b", "a\\b", "a//b", "/a", ".", "a/", "a/./b", "a,b", "..a", "a\tb", "a(b)")

#: One of these is wrong, and that is told.
REFUSED: Final = [
    *_post(
        f"{V2}/experiments/create",
        {},
        {"name": ""},
        {"name": 5},
        {"name": None},
        {"name": ["a"]},
        *_NO_OBJECTS,
    ),
    *_post(f"{V2}/experiments/create", {"name": "kept"}, {"name": "x" * 501}),
    *_post(f"{V2}/experiments/delete", {}, {"experiment_id": "404"}, {"experiment_id": 5}),
    *_post(f"{V2}/experiments/restore", {}, {"experiment_id": "404"}),
    *_post(f"{V2}/experiments/update", {}, {"experiment_id": "404", "new_name": "a"}),
    *_post(
        f"{V2}/experiments/set-experiment-tag",
        {},
        {"experiment_id": "{experiment}"},
        {"experiment_id": "{experiment}", "key": _LONG, "value": "a"},
        {"experiment_id": "404", "key": "a", "value": "b"},
    ),
    *_get(f"{V2}/experiments/get", "", "experiment_id=404", "experiment_id="),
    *_get(f"{V2}/experiments/get-by-name", "", "experiment_name=nothing", "experiment_name="),
    *_get(
        f"{V2}/experiments/search",
        "",
        "max_results=0",
        "max_results=-1",
        "max_results=50001",
        "max_results=many",
        "max_results=5&filter=nonsense",
        "max_results=5&filter=name%20~%20'a'",
        "max_results=5&page_token=nonsense",
        "max_results=5&order_by=nonsense",
        "max_results=5&view_type=SOME",
    ),
    *_post(
        f"{V2}/runs/create", {"experiment_id": "404"}, {"start_time": "soon"}, {"tags": 5}, *_NO_OBJECTS[:2]
    ),
    *_get(f"{V2}/runs/get", "", "run_id=nothing", "run_id="),
    *_post(f"{V2}/runs/update", {}, {"run_id": "nothing"}, {"run_id": "{run}", "status": "ASLEEP"}),
    *_post(f"{V2}/runs/delete", {}, {"run_id": "nothing"}),
    *_post(f"{V2}/runs/restore", {}, {"run_id": "nothing"}),
    *_post(
        f"{V2}/runs/log-metric",
        {},
        {"run_id": "{run}"},
        {"run_id": "{run}", "key": "a"},
        {"run_id": "{run}", "key": "a", "value": 1},
        {"run_id": "{run}", "key": "a", "value": "much", "timestamp": 1},
        {"run_id": "{run}", "key": _LONG, "value": 1, "timestamp": 1},
        {"run_id": "{run}", "key": "../a", "value": 1, "timestamp": 1},
        {"run_id": "{run}", "key": "a", "value": 1, "timestamp": "now"},
        {"run_id": "nothing", "key": "a", "value": 1, "timestamp": 1},
    ),
    *_post(
        f"{V2}/runs/log-parameter",
        {},
        {"run_id": "{run}", "value": "a"},
        {"run_id": "{run}", "key": _LONG, "value": "a"},
        {"run_id": "{run}", "key": "depth", "value": "another"},
        {"run_id": "{run}", "key": "a/../../b", "value": "1"},
        {"run_id": "nothing", "key": "a", "value": "1"},
    ),
    *_post(
        f"{V2}/runs/set-tag",
        {},
        {"run_id": "{run}", "value": "a"},
        {"run_id": "{run}", "key": _LONG, "value": "a"},
        {"run_id": "nothing", "key": "a", "value": "1"},
    ),
    *_post(
        f"{V2}/runs/delete-tag", {}, {"run_id": "{run}", "key": "nothing"}, {"run_id": "nothing", "key": "a"}
    ),
    *_post(
        f"{V2}/runs/log-batch",
        {},
        {"run_id": "nothing"},
        {"run_id": "{run}", "metrics": 5},
        {"run_id": "{run}", "metrics": [{"key": "a"}]},
        {"run_id": "{run}", "params": [{"key": "a", "value": "1"}] * 101},
        {"run_id": "{run}", "tags": [{"key": str(n), "value": "1"} for n in range(101)]},
        {"run_id": "{run}", "metrics": [{"key": "a", "value": 1, "timestamp": n} for n in range(1001)]},
        {"run_id": "{run}", "params": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
        {"run_id": "{run}", "params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]},
        {"run_id": "{run}", "params": [{"key": "depth", "value": "another"}]},
    ),
    *_post(
        f"{V2}/runs/search",
        {"experiment_ids": ["{experiment}"], "filter": "nonsense"},
        {"experiment_ids": ["{experiment}"], "filter": "metrics.mae > 'a'"},
        {"experiment_ids": ["{experiment}"], "filter": "params.depth = 3"},
        {"experiment_ids": ["{experiment}"], "filter": "params.depth > '3'"},
        {"experiment_ids": ["{experiment}"], "filter": "tags.team = 'a' OR tags.team = 'b'"},
        {"experiment_ids": ["{experiment}"], "filter": "attributes.nothing = 'a'"},
        {"experiment_ids": ["{experiment}"], "filter": "metrics.mae LIKE 'a'"},
        {"experiment_ids": ["{experiment}"], "order_by": ["nonsense"]},
        {"experiment_ids": ["{experiment}"], "order_by": ["metrics.mae SIDEWAYS"]},
        {"experiment_ids": ["{experiment}"], "max_results": 50_001},
        {"experiment_ids": ["{experiment}"], "max_results": -1},
        {"experiment_ids": ["{experiment}"], "max_results": "many"},
        {"experiment_ids": ["{experiment}"], "page_token": "nonsense"},
        {"experiment_ids": 5},
        {"experiment_ids": ["{experiment}"], "run_view_type": "SOME"},
        *_NO_OBJECTS[:2],
    ),
    *_get(
        f"{V2}/metrics/get-history",
        "",
        "run_id={run}",
        "metric_key=mae",
        "run_id=nothing&metric_key=mae",
        "run_id={run}&metric_key=mae&max_results=many",
    ),
    *_get(
        f"{V2}/metrics/get-history-bulk-interval",
        "",
        "run_ids={run}",
        "metric_key=mae",
        "run_ids={run}&metric_key=mae&max_results=2501",
        "run_ids={run}&metric_key=mae&max_results=0",
        "run_ids={run}&metric_key=mae&start_step=5",
        "run_ids={run}&metric_key=mae&start_step=5&end_step=1",
        "run_ids={run}&metric_key=mae&start_step=a&end_step=b",
    ),
    *_post(
        f"{V2}/registered-models/create", {}, {"name": ""}, {"name": "kept"}, {"name": "a/b"}, {"name": 5}
    ),
    *_get(f"{V2}/registered-models/get", "", "name=nothing", "name="),
    *_get(
        f"{V2}/registered-models/search",
        "max_results=0",
        "max_results=1001",
        "filter=nonsense",
        "filter=name%20%3E%20'a'",
        "order_by=nonsense",
        "page_token=nonsense",
    ),
    *_post(f"{V2}/registered-models/rename", {}, {"name": "nothing", "new_name": "b"}),
    *_post(
        f"{V2}/registered-models/alias",
        {},
        {"name": "kept", "alias": "a"},
        {"name": "kept", "alias": "v1", "version": "1"},
        {"name": "kept", "alias": "latest", "version": "1"},
        {"name": "kept", "alias": "a", "version": "9"},
        {"name": "nothing", "alias": "a", "version": "1"},
    ),
    *_get(
        f"{V2}/registered-models/alias", "", "name=kept", "name=kept&alias=nothing", "name=nothing&alias=a"
    ),
    *_get(f"{V2}/registered-models/get-latest-versions", "", "name=nothing", "name=kept&stages=Nowhere"),
    *_post(
        f"{V2}/registered-models/set-tag", {}, {"name": "kept"}, {"name": "nothing", "key": "a", "value": "b"}
    ),
    *_post(
        f"{V2}/model-versions/create",
        {},
        {"name": "kept"},
        {
            "name": "nothing",
            "source": "mlflow-artifacts:/{experiment}/{run}/artifacts/model",
            "run_id": "{run}",
        },
        {"name": "kept", "source": "/etc/passwd", "run_id": "{run}"},
        {"name": "kept", "source": "file:///etc/passwd", "run_id": "{run}"},
    ),
    *_get(f"{V2}/model-versions/get", "", "name=kept", "name=kept&version=9", "name=kept&version=a"),
    *_get(f"{V2}/model-versions/get-download-uri", "", "name=kept&version=9"),
    *_get(
        f"{V2}/model-versions/search",
        "max_results=0",
        "max_results=200001",
        "filter=nonsense",
        "filter=version%20%3D%20'1'",
        "order_by=nonsense",
    ),
    *_post(
        f"{V2}/model-versions/transition-stage",
        {},
        {"name": "kept", "version": "1"},
        {"name": "kept", "version": "1", "stage": "Nowhere"},
        {"name": "kept", "version": "9", "stage": "Production"},
        {"name": "kept", "version": "1", "stage": "Archived", "archive_existing_versions": True},
    ),
    *_post(
        f"{V2}/logged-models",
        *({"experiment_id": "{experiment}", "name": f"a{letter}b"} for letter in "/:.%\"'"),
        {"experiment_id": "404", "name": "a"},
    ),
    *_post(f"{V2}/logged-models/search", {}, {"experiment_ids": ["{experiment}"], "filter": "nonsense"}),
    *_get(f"{V2}/logged-models/m-nothing", ""),
    *_get(f"{V2}/artifacts/list", "", "run_id=nothing", "run_id={run}&path=../x"),
    *_get(
        "/get-artifact", "", "run_id=nothing&path=a", "run_id={run}&path=../x", "run_id={run}&path=nothing"
    ),
    *_post(
        f"{V3}/traces/search",
        {},
        {"locations": [], "filter": "nonsense"},
        {"locations": "everywhere"},
        {"max_results": 501},
    ),
    *_get(f"{V3}/traces/get", "", "trace_id=tr-nothing"),
    *_get(f"{V3}/traces/tr-nothing", ""),
    Asked("GET", f"{V2}/nothing"),
    Asked("PUT", f"{V2}/runs/create", {}),
    # Rule 9: a body of JSON has to say that it is.
    Asked("POST", f"{V2}/runs/search", {"experiment_ids": ["{experiment}"]}, {}),
    Asked("POST", f"{V2}/runs/search", {"experiment_ids": ["{experiment}"]}, {"Content-Type": "text/plain"}),
    Asked("POST", f"{V2}/experiments/create", {"name": "unsaid"}, {}),
]

#: What a stock server takes for nothing and we refuse: a mistake that is told can be mended.
STRICTER: Final = {
    f"GET {V2}/experiments/search?max_results=5&view_type=SOME ": "a view that is none",
    f'POST {V2}/runs/create {{"tags": 5}}': "a type that is wrong",
    f"POST {V2}/runs/create nonsense": "a body that is no JSON",
    f"POST {V2}/runs/create []": "a body that is no object",
    f'POST {V2}/runs/update {{"run_id": "{{run}}", "status": "ASLEEP"}}': "a status that is none",
    f'POST {V2}/runs/search {{"experiment_ids": ["{{experiment}}"], "run_view_type": "SOME"}}': (
        "a view that is none"
    ),
    f"POST {V2}/runs/search nonsense": "a body that is no JSON",
    f"POST {V2}/runs/search []": "a body that is no object",
    f"GET {V2}/metrics/get-history?run_id=nothing&metric_key=mae ": "a run that is not there",
    f"GET {V2}/metrics/get-history?run_id={{run}}&metric_key=mae&max_results=many ": "a number that is none",
    f"GET {V2}/registered-models/search?max_results=0 ": "a page of nothing",
}

_EVERYWHERE: Final[dict[str, Any]] = {"experiment_ids": ["{experiment}"]}
_FILTERS: Final = (
    "metrics.mae > 0.3",
    "metrics.mae >= 0.5 and metrics.mae < 2",
    "metrics.mae != 0.5",
    "metrics.nan > 0",
    "metrics.`with space` = 1",
    'metrics."with space" = 1',
    "params.depth = '3'",
    "params.depth != '3'",
    "params.depth LIKE '%'",
    "params.algorithm ILIKE 'FOREST%'",
    "params.algorithm LIKE 'f_rest'",
    "params.depth IN ('3', '4')",
    "params.depth NOT IN ('3')",
    "tags.team = 'risk'",
    "tags.team != 'risk'",
    "tags.`a key` = 'it''s'",
    "tags.team LIKE 'r%' AND params.depth = '3'",
    "attributes.status = 'FINISHED'",
    "attributes.run_name LIKE 'run %'",
    "attributes.start_time > 150",
    "attributes.run_id IN ('{run}')",
    "run_name = 'run 1'",
    "datasets.name = 'bikes'",
    "datasets.name LIKE 'b%'",
    "datasets.context = 'training'",
    "dataset.digest = 'd1'",
    "attributes.user_id = 'ada'",
    "metrics.mae > 1e-3",
    "tags.absent IS NULL",
    "params.depth IS NOT NULL",
)
_ORDERS: Final = (
    ["metrics.mae"],
    ["metrics.mae DESC"],
    ["metrics.nan ASC"],
    ["metrics.absent DESC", "attributes.start_time ASC"],
    ["params.depth DESC"],
    ["tags.team", "metrics.mae desc"],
    ["attributes.start_time ASC"],
    ["start_time DESC"],
    ["params.`algorithm` ASC"],
    ["attributes.end_time", "run_name DESC"],
)
#: Searches of runs, whose answers are compared by the names that they show, in order.
SEARCHES: Final = [
    *(_EVERYWHERE | {"filter": text, "order_by": ["attributes.start_time ASC"]} for text in _FILTERS),
    *(_EVERYWHERE | {"order_by": order} for order in _ORDERS),
    _EVERYWHERE | {"run_view_type": "DELETED_ONLY"},
    _EVERYWHERE | {"run_view_type": "ALL", "max_results": 2},
    {"experiment_ids": []},
    {"experiment_ids": ["404"]},
]
#: Searches of registered models and versions, likewise.
MODEL_FILTERS: Final = (
    "",
    "name = 'kept'",
    "name LIKE 'k%'",
    "name ILIKE 'K%'",
    "tags.team = 'risk'",
    "tags.team != 'risk'",
    "tags.`mlflow.prompt.is_prompt` != 'true'",
    "name != 'kept'",
)
VERSION_FILTERS: Final = (
    "",
    "name = 'kept'",
    "run_id = '{run}'",
    "run_id IN ('{run}', 'other')",
    "name LIKE 'k%' AND tags.team = 'risk'",
    "tags.team != 'risk'",
)
EXPERIMENT_FILTERS: Final = (
    "name = 'kept'",
    "name LIKE 'k%'",
    "name ILIKE 'K%'",
    "name != 'kept'",
    "tags.team = 'risk'",
    "tags.team != 'risk'",
    "attribute.name = 'kept' AND tags.team LIKE 'r%'",
    "creation_time > 0",
)
