"""What MLflow's pages ask by GraphQL, as they send it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.tracking.graphql.handler import handler
from shelflife.contracts.access import Role
from tests.doors.tracking.test_doors import MLFLOW, ask
from tests.harness.events import LambdaContext, http_event

RUN = """
query GetRun($data: MlflowGetRunInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetRun(input: $data) {
    __typename
    apiError { helpUrl code message }
    run {
      __typename
      info { runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId }
      experiment { experimentId name tags { key value } lifecycleStage lastUpdateTime }
      modelVersions { status version name source }
      data { metrics { key value step timestamp } params { key value } tags { key value } }
      inputs {
        datasetInputs { dataset { digest name profile schema } tags { key value } }
        modelInputs { modelId }
      }
      outputs { modelOutputs { modelId step } }
    }
  }
}
"""
EXPERIMENT = """
query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!) {
  mlflowGetExperiment(input: $input) {
    apiError { code message }
    experiment { experimentId name creationTime effectiveTraceArchivalRetention tags { key value } }
  }
}
"""
SEARCH = """
query SearchRuns($data: MlflowSearchRunsInput!) {
  mlflowSearchRuns(input: $data) {
    apiError { code message }
    runs {
      info { runName }
      experiment { name }
      data { metrics { key value } }
      modelVersions { version name creationTimestamp status source }
    }
    nextPageToken
  }
}
"""
HISTORY = """
query GetMetricHistoryBulkInterval($data: MlflowGetMetricHistoryBulkIntervalInput!) {
  mlflowGetMetricHistoryBulkInterval(input: $data) {
    __typename
    metrics { timestamp step runId key value }
    apiError { code message }
  }
}
"""


def graph(query: str, variables: Any = None, **body: Any) -> tuple[int, Any]:
    event = http_event("POST", "/graphql", {"query": query, "variables": variables, **body})
    answer = handler(event, LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


def data(query: str, variables: Any) -> Any:
    status, answer = graph(query, variables)
    assert (status, answer.get("errors")) == (200, None)
    ((answered),) = answer["data"].values()
    return answered


@pytest.fixture
def run_id(installed: None) -> str:
    asked = {"experiment_id": "0", "start_time": 1795161600000, "run_name": "first", "tags": []}
    _, made = ask("POST", f"{MLFLOW}/runs/create", asked)
    run_id = str(made["run"]["info"]["run_id"])
    metrics = [{"key": "mae", "value": 0.5 - step / 8, "timestamp": 5, "step": step} for step in range(3)]
    metrics.append({"key": "rmse", "value": "NaN", "timestamp": 2**40, "step": 2**40})
    ask(
        "POST",
        f"{MLFLOW}/runs/log-batch",
        {"run_id": run_id, "metrics": metrics, "params": [{"key": "depth", "value": "3"}]},
    )
    return run_id


def test_a_run_has_what_its_page_shows(run_id: str) -> None:
    run = data(RUN, {"data": {"runId": run_id}})["run"]
    assert run["__typename"] == "MlflowRun"
    assert run["info"] == {
        "runName": "first",
        "status": "RUNNING",
        "runUuid": run_id,
        "experimentId": "0",
        "endTime": None,
        "lifecycleStage": "active",
        "startTime": "1795161600000",
        "userId": "tester",
        "artifactUri": f"mlflow-artifacts:/0/{run_id}/artifacts",
    }
    assert run["data"]["params"] == [{"key": "depth", "value": "3"}]
    assert run["experiment"]["name"] == "Default"
    assert run["inputs"] == {"datasetInputs": [], "modelInputs": []}
    assert (run["outputs"], run["modelVersions"]) == ({"modelOutputs": []}, [])


def test_whole_numbers_are_texts_and_what_is_no_number_is_nothing(run_id: str) -> None:
    metrics = data(RUN, {"data": {"runUuid": run_id}})["run"]["data"]["metrics"]
    assert metrics == [
        {"key": "mae", "value": 0.25, "step": "2", "timestamp": "5"},
        {"key": "rmse", "value": None, "step": str(2**40), "timestamp": str(2**40)},
    ]


def test_a_run_shows_the_versions_that_its_models_became(run_id: str) -> None:
    _, made = ask(
        "POST", f"{MLFLOW}/logged-models", {"experiment_id": "0", "name": "m", "source_run_id": run_id}
    )
    model_id = made["model"]["info"]["model_id"]
    ask("POST", f"{MLFLOW}/runs/outputs", {"run_id": run_id, "models": [{"model_id": model_id, "step": 7}]})
    tag = {"key": "mlflow.modelVersions", "value": json.dumps([{"name": "bikes", "version": 3}])}
    ask("PATCH", f"{MLFLOW}/logged-models/{model_id}/tags", {"tags": [tag]})
    run = data(RUN, {"data": {"runId": run_id}})["run"]
    assert run["outputs"] == {"modelOutputs": [{"modelId": model_id, "step": "7"}]}
    assert run["modelVersions"] == [
        {"status": "READY", "version": "3", "name": "bikes", "source": f"models:/{model_id}"}
    ]
    ask("DELETE", f"{MLFLOW}/logged-models/{model_id}")
    assert data(RUN, {"data": {"runId": run_id}})["run"]["modelVersions"] == []


def test_an_experiment_is_told(run_id: str) -> None:
    experiment = data(EXPERIMENT, {"input": {"experimentId": "0"}})["experiment"]
    assert (experiment["name"], experiment["tags"]) == ("Default", [])
    assert experiment["creationTime"].isdecimal()
    assert experiment["effectiveTraceArchivalRetention"] is None


def test_runs_are_searched_page_by_page(run_id: str) -> None:
    ask("POST", f"{MLFLOW}/runs/create", {"experiment_id": "0", "run_name": "second", "start_time": 1})
    searched = {"experimentIds": ["0"], "maxResults": 1, "runViewType": "ACTIVE_ONLY"}
    first = data(SEARCH, {"data": searched})
    assert [run["info"]["runName"] for run in first["runs"]] == ["first"]
    rest = data(SEARCH, {"data": searched | {"pageToken": first["nextPageToken"]}})
    assert [run["info"]["runName"] for run in rest["runs"]] == ["second"]
    assert rest["nextPageToken"] is None
    named = data(SEARCH, {"data": {"experimentIds": ["0"], "filter": "metrics.mae < 0.3"}})
    assert [run["experiment"]["name"] for run in named["runs"]] == ["Default"]


def test_a_metric_is_sampled(run_id: str) -> None:
    asked = {"runIds": [run_id], "metricKey": "mae", "maxResults": 320, "startStep": None}
    told = data(HISTORY, {"data": asked})
    assert [(one["step"], one["value"]) for one in told["metrics"]] == [("0", 0.5), ("1", 0.375), ("2", 0.25)]
    assert {one["runId"] for one in told["metrics"]} == {run_id}


@pytest.mark.parametrize(
    ("query", "variables", "code", "message"),
    [
        (RUN, {"data": {"runId": "gone"}}, "RESOURCE_DOES_NOT_EXIST", "'gone'"),
        (RUN, {"data": {}}, "INVALID_PARAMETER_VALUE", "run_id is missing"),
        (EXPERIMENT, {"input": {"experimentId": "77"}}, "RESOURCE_DOES_NOT_EXIST", "'77'"),
        (SEARCH, {"data": {"filter": "nonsense ="}}, "INVALID_PARAMETER_VALUE", "nonsense"),
        (SEARCH, {"data": {"maxResults": 50_001}}, "INVALID_PARAMETER_VALUE", "50001"),
        (SEARCH, {"data": {"pageToken": "?"}}, "INVALID_PARAMETER_VALUE", "?"),
        (HISTORY, {"data": {"metricKey": "mae"}}, "INVALID_PARAMETER_VALUE", "0 runs"),
    ],
)
def test_what_a_use_case_refuses_is_told_where_the_pages_look(
    installed: None, query: str, variables: Any, code: str, message: str
) -> None:
    told = data(query, variables)["apiError"]
    assert told["code"] == code
    assert message in told["message"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("query {", "Syntax Error"),
        ("{ mlflowListArtifacts(input: {}) { rootUri } }", "mlflowListArtifacts"),
        ('{ mlflowGetRun(input: {runId: "a"}) { run { secrets } } }', "secrets"),
        ("mutation { mlflowSearchRuns }", "mutation"),
        (RUN, "$data"),
        ("{" * 21 + "a" + "}" * 21, "more than 20 deep"),
        ("{ a: [" + "[" * 5000, "more than 20 deep"),
        ("{" + " a" * 3000 + "}", "tokens"),
        ("fragment F on Query { ...F } { ...F }", "itself"),
        (
            "{"
            + " ".join(f'a{n}: mlflowGetRun(input: {{runId: "x"}}) {{ __typename }}' for n in range(11))
            + "}",
            "more than 10 things",
        ),
    ],
)
def test_what_is_no_such_query_is_an_error_in_graphqls_form(
    installed: None, query: str, message: str
) -> None:
    status, answer = graph(query)
    assert status == 200
    assert message in answer["errors"][0]["message"]


def test_of_several_operations_the_named_one_is_answered(run_id: str) -> None:
    both = RUN + EXPERIMENT
    status, answer = graph(both, {"input": {"experimentId": "0"}}, operationName="MlflowGetExperimentQuery")
    assert (status, list(answer["data"])) == (200, ["mlflowGetExperiment"])
    status, answer = graph(both, {})
    assert "operation name" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"variables": {}}, "query"),
        ({"query": ""}, "query"),
        ({"query": 5}, "query"),
        ({"query": "{ __typename }", "variables": []}, "variables"),
        ("nonsense", "body"),
        ({"query": "#" * 100_001}, "query"),
    ],
)
def test_a_body_that_is_no_query_is_refused(installed: None, body: Any, message: str) -> None:
    answer = handler(http_event("POST", "/graphql", body), LambdaContext())
    told = json.loads(answer["body"])
    assert (answer["statusCode"], told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in told["message"]


def test_fragments_and_aliases_are_followed(run_id: str) -> None:
    query = """
    query ($id: String!) {
      one: mlflowGetRun(input: {runId: $id}) { ...told }
      other: mlflowGetRun(input: {runId: $id}) { run { ... on MlflowRun { info { named: runName } } } }
    }
    fragment told on MlflowGetRunResponse { run { info { runName } } }
    """
    status, answer = graph(query, {"id": run_id})
    assert status == 200
    assert answer["data"] == {
        "one": {"run": {"info": {"runName": "first"}}},
        "other": {"run": {"info": {"named": "first"}}},
    }


def test_nobody_asks_without_a_role(run_id: str) -> None:
    event = http_event(
        "POST", "/graphql", {"query": RUN, "variables": {"data": {"runId": run_id}}}, role=None
    )
    assert handler(event, LambdaContext())["statusCode"] == 401
    event = http_event("POST", "/graphql", {"query": "{ __typename }"}, role=Role.VIEWER)
    assert handler(event, LambdaContext())["statusCode"] == 200


def test_a_store_that_does_not_answer_is_503(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def throttled(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetItem")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", throttled)
    status, answer = graph(RUN, {"data": {"runId": run_id}})
    assert (status, answer["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
