"""The unmodified MLflow client, against our door on the loopback interface."""

import base64
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.server_info import _clear_server_info_cache

from tests.harness.events import LambdaContext, http_event
from tests.harness.http_server import served
from tests.harness.tracking import handler


@pytest.fixture
def client(installed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    _clear_server_info_cache()
    with served(handler) as url:
        mlflow.set_tracking_uri(url)
        mlflow.set_experiment(experiment_id="0")
        yield MlflowClient(url)
        while mlflow.active_run():
            mlflow.end_run()


def test_a_data_scientists_first_session(client: MlflowClient) -> None:
    experiment = mlflow.set_experiment("churn, first try")
    assert mlflow.set_experiment("churn, first try").experiment_id == experiment.experiment_id
    with mlflow.start_run(run_name="baseline", tags={"team": "risk"}, description="the first") as active:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.1, "loss": "log"})
        for step in range(5):
            mlflow.log_metric("mae", 1 / (step + 1), step=step)
        mlflow.log_metrics({"rmse": 2.5, "r2": 0.9}, step=4)
        mlflow.set_tag("stage", "draft")
    run = client.get_run(active.info.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "baseline")
    assert run.info.end_time >= run.info.start_time > 0
    assert run.data.params == {"depth": "3", "rate": "0.1", "loss": "log"}
    assert run.data.metrics == {"mae": 0.2, "rmse": 2.5, "r2": 0.9}
    assert run.data.tags["team"] == "risk"
    assert run.data.tags["stage"] == "draft"
    assert (
        run.info.artifact_uri == f"mlflow-artifacts:/{experiment.experiment_id}/{run.info.run_id}/artifacts"
    )


def test_the_files_of_a_run_come_back(client: MlflowClient, tmp_path: Path) -> None:
    with mlflow.start_run() as run:
        mlflow.log_text("größe\n", "notes/größe.txt")
        mlflow.log_dict({"a": [1]}, "plan.json")
        local = tmp_path / "plot 1.bin"
        local.write_bytes(bytes(range(256)) * 4)
        mlflow.log_artifact(str(local), "plots")
    assert [(file.path, file.is_dir) for file in client.list_artifacts(run.info.run_id)] == [
        ("notes", True),
        ("plan.json", False),
        ("plots", True),
    ]
    assert [file.path for file in client.list_artifacts(run.info.run_id, "plots")] == ["plots/plot 1.bin"]
    assert client.list_artifacts(run.info.run_id, "plan.json") == []
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/größe.txt") == "größe\n"
    fetched = Path(client.download_artifacts(run.info.run_id, "", str(tmp_path)))
    assert (fetched / "plots" / "plot 1.bin").read_bytes() == local.read_bytes()
    assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/plan.json") == {"a": [1]}


def test_a_metrics_history_has_every_step(client: MlflowClient) -> None:
    run_id = client.create_run("0").info.run_id
    for step, value in [(2, 0.2), (0, 1.0), (1, math.nan), (3, math.inf)]:
        client.log_metric(run_id, "mae", value, timestamp=1000 + step, step=step)
    found = client.get_metric_history(run_id, "mae")
    assert [(metric.step, metric.timestamp) for metric in found] == [(at, 1000 + at) for at in range(4)]
    assert found[0].value == 1.0
    assert math.isnan(found[1].value)
    assert found[3].value == 1.7976931348623157e308
    assert client.get_metric_history(run_id, "unknown") == []


def test_the_latest_value_is_that_of_the_last_step_not_the_last_call(client: MlflowClient) -> None:
    run_id = client.create_run("0").info.run_id
    for step, timestamp, value in [(5, 10, 0.5), (4, 99, 0.4), (5, 9, 0.1), (5, 10, 0.4)]:
        client.log_metric(run_id, "mae", value, timestamp=timestamp, step=step)
    assert client.get_run(run_id).data.metrics == {"mae": 0.5}


def test_a_full_batch_may_be_sent_twice(client: MlflowClient) -> None:
    run_id = client.create_run("0").info.run_id
    metrics = [Metric(f"m{at % 40}", float(at), 1000 + at, at) for at in range(800)]
    params = [Param(f"p{at}", str(at)) for at in range(100)]
    tags = [RunTag(f"t{at}", "x" * at) for at in range(100)]
    for _ in range(2):
        client.log_batch(run_id, metrics, params, tags)
    run = client.get_run(run_id)
    assert run.data.metrics == {f"m{at % 40}": float(at) for at in range(760, 800)}
    assert run.data.params == {f"p{at}": str(at) for at in range(100)}
    assert run.data.tags["t99"] == "x" * 99
    assert len(client.get_metric_history(run_id, "m0")) == 20


def test_a_param_does_not_change(client: MlflowClient) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_param(run_id, "depth", 3)
    client.log_param(run_id, "depth", 3)
    with pytest.raises(MlflowException, match=r"'depth' of run .* is '3' and cannot become '4'") as refused:
        client.log_batch(run_id, [Metric("mae", 1.0, 1, 1)], [Param("depth", "4")])
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_metric_history(run_id, "mae") == []


def test_runs_are_found_by_what_was_logged(client: MlflowClient) -> None:
    first, second = (client.create_experiment(name) for name in ("one", "two"))
    for at in range(6):
        run = client.create_run(first if at % 2 else second, start_time=at + 1, run_name=f"run {at}")
        client.log_metric(run.info.run_id, "val/mae", 10.0 - at)
        client.log_param(run.info.run_id, "kind", "tree" if at < 3 else "linear")
        client.set_tag(run.info.run_id, "team name", "risk")
        client.set_terminated(run.info.run_id, "FAILED" if at == 5 else "FINISHED")

    def found(text: str, order: list[str] | None = None, view: int = ViewType.ACTIVE_ONLY) -> list[str]:
        runs = client.search_runs([first, second], text, view, order_by=order)
        return [run.info.run_name.removeprefix("run ") for run in runs]

    assert found("") == list("543210")
    assert found("metrics.`val/mae` <= 7 and attributes.status = 'FINISHED'") == ["4", "3"]
    assert found("params.kind = 'tree'", ["metrics.`val/mae` ASC"]) == list("210")
    assert found("params.kind LIKE 'lin%' AND tags.\"team name\" = 'risk'", ["start_time"]) == list("345")
    assert found("run_name IN ('run 1', 'run 4')") == ["4", "1"]
    assert found("tags.unknown IS NULL and start_time > 4") == ["5", "4"]
    assert found("", view=ViewType.DELETED_ONLY) == []
    frame = mlflow.search_runs(
        [first], "metrics.`val/mae` > 6", order_by=["params.kind DESC"], output_format="list"
    )
    assert [run.info.run_name for run in frame] == ["run 1", "run 3"]


def test_a_search_gives_its_pages_one_after_the_other(client: MlflowClient) -> None:
    names = [client.create_run("0", start_time=at + 1).info.run_name for at in range(5)]
    first = client.search_runs(["0"], max_results=2)
    second = client.search_runs(["0"], max_results=2, page_token=first.token)
    third = client.search_runs(["0"], max_results=2, page_token=second.token)
    assert [run.info.run_name for page in (first, second, third) for run in page] == names[::-1]
    assert third.token is None
    with pytest.raises(MlflowException, match="cursor 'nonsense'") as refused:
        client.search_runs(["0"], page_token="nonsense")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("metrics.mae", "expected a comparison at its end"),
        ("metrics.mae > 1 OR params.a = 'b'", "expected AND at"),
        ("metrics.mae > 'high'", "expected a number at \"'high'\""),
        ("params.a > 'b'", "cannot be compared by >"),
        ("colours.red = 'x'", "'colours' cannot be searched"),
        ("attributes.colour = 'x'", "there is no attribute 'colour'"),
    ],
)
def test_a_filter_that_cannot_be_read_is_answered_with_where(
    client: MlflowClient, text: str, complaint: str
) -> None:
    with pytest.raises(MlflowException, match=re.escape(complaint)) as refused:
        client.search_runs(["0"], text)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_experiments_are_found_renamed_and_tagged(client: MlflowClient) -> None:
    ids = [client.create_experiment(name, tags={"team": "risk"}) for name in ("one", "two")]
    client.set_experiment_tag(ids[0], "state", "new")
    client.rename_experiment(ids[0], "first")
    assert client.get_experiment(ids[0]).tags == {"team": "risk", "state": "new"}
    assert client.get_experiment_by_name("one") is None
    assert [found.name for found in client.search_experiments()] == ["two", "first", "Default"]
    assert [found.name for found in client.search_experiments(filter_string="tags.state = 'new'")] == [
        "first"
    ]
    named = client.search_experiments(filter_string="name LIKE '%t%'", order_by=["name DESC"])
    assert [found.name for found in named] == ["two", "first", "Default"]
    paged = client.search_experiments(max_results=2)
    assert [found.name for found in client.search_experiments(page_token=paged.token)] == ["Default"]
    client.delete_experiment_tag(ids[0], "state")
    assert client.get_experiment(ids[0]).tags == {"team": "risk"}


def test_a_deleted_experiment_hides_its_runs_and_keeps_its_name(client: MlflowClient) -> None:
    experiment_id = client.create_experiment("one")
    kept, gone = (client.create_run(experiment_id).info.run_id for _ in range(2))
    client.delete_run(gone)
    client.delete_experiment(experiment_id)
    assert client.search_runs([experiment_id]) == []
    assert client.get_run(kept).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException, match="is deleted: restore it first"):
        client.create_run(experiment_id)
    with pytest.raises(MlflowException, match="is deleted: restore it first"):
        client.log_metric(kept, "mae", 1.0)
    with pytest.raises(MlflowException, match="exists already") as refused:
        client.create_experiment("one")
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException, match="deleted experiment"):
        mlflow.set_experiment("one")
    client.restore_experiment(experiment_id)
    assert [run.info.run_id for run in client.search_runs([experiment_id])] == [kept]
    client.restore_run(gone)
    assert client.get_run(gone).info.lifecycle_stage == "active"


def test_runs_are_renamed_and_their_tags_deleted(client: MlflowClient) -> None:
    run = client.create_run("0", tags={"a": "1", "mlflow.runName": "old"})
    client.update_run(run.info.run_id, status="KILLED", name="new")
    client.delete_tag(run.info.run_id, "a")
    found = client.get_run(run.info.run_id)
    assert (found.info.run_name, found.info.status) == ("new", "KILLED")
    assert found.data.tags == {"mlflow.runName": "new"}
    client.set_tag(run.info.run_id, "mlflow.runName", "newer")
    assert client.get_run(run.info.run_id).info.run_name == "newer"
    with pytest.raises(MlflowException, match="has no tag 'a'"):
        client.delete_tag(run.info.run_id, "a")


def test_what_is_not_there_is_said_not_to_be(client: MlflowClient) -> None:
    with pytest.raises(MlflowException, match="no run with id 'nowhere'") as refused:
        client.get_run("nowhere")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException, match="no experiment with id '77'"):
        client.create_run("77")
    assert client.get_experiment_by_name("nowhere") is None
    assert client.search_runs(["77"]) == []
    run = client.create_run("0")
    with pytest.raises(MlflowException, match="Failed to download artifacts from path 'nothing"):
        client.download_artifacts(run.info.run_id, "nothing.txt")


@pytest.mark.parametrize("size", [0, 2, 12_000_000])
def test_a_file_of_any_size_goes_up_in_parts(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "0")
    local = tmp_path / "weights.bin"
    local.write_bytes((bytes(range(251)) * (size // 251 + 1))[:size])
    run = client.create_run("0")
    client.log_artifact(run.info.run_id, str(local), "model")
    (listed,) = client.list_artifacts(run.info.run_id, "model")
    assert (listed.path, listed.file_size) == ("model/weights.bin", size)
    for direct in ("true", "false"):
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", direct)
        target = tmp_path / direct
        target.mkdir()
        fetched = client.download_artifacts(run.info.run_id, "model/weights.bin", str(target))
        assert Path(fetched).read_bytes() == local.read_bytes()


def test_what_a_run_read_is_told_searched_and_listed(client: MlflowClient) -> None:
    rides = mlflow.data.from_numpy(np.arange(4.0), name="rides", source="https://data.example/rides.csv")
    with mlflow.start_run() as run:
        for _ in range(2):
            mlflow.log_input(rides, context="training", tags={"season": "winter"})
    with mlflow.start_run():
        mlflow.log_param("depth", 3)
    (read,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == ("rides", rides.digest)
    assert {tag.key: tag.value for tag in read.tags} == {
        "mlflow.data.context": "training",
        "season": "winter",
    }
    for text, count in [
        ("datasets.name = 'rides' AND datasets.context = 'training'", 1),
        (f"dataset.digest = '{rides.digest}'", 1),
        ("datasets.context = 'test'", 0),
    ]:
        assert len(client.search_runs(["0"], text)) == count
    asked = http_event("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["0"]})
    assert json.loads(handler(asked, LambdaContext())["body"]) == {
        "dataset_summaries": [
            {"experiment_id": "0", "name": "rides", "digest": rides.digest, "context": "training"}
        ]
    }


def test_a_logged_model_from_its_beginning_to_its_end(client: MlflowClient) -> None:
    with mlflow.start_run() as run:
        model = client.create_logged_model(
            "0", "pipeline", source_run_id=run.info.run_id, params={"depth": "3"}, tags={"team": "risk"}
        )
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=2)])
        mlflow.log_metric("mae", 0.5, step=1, model_id=model.model_id)
        mlflow.log_metric("mae", 0.25, step=2, model_id=model.model_id)
    assert model.status is LoggedModelStatus.PENDING
    assert model.artifact_location == f"mlflow-artifacts:/0/models/{model.model_id}/artifacts"
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.set_logged_model_tags(model.model_id, {"reviewed": "yes", "a b": "1"})
    client.delete_logged_model_tag(model.model_id, "a b")
    known = client.get_logged_model(model.model_id)
    assert (known.name, known.status, known.params) == ("pipeline", LoggedModelStatus.READY, {"depth": "3"})
    assert known.tags == {"team": "risk", "reviewed": "yes"}
    assert [(metric.key, metric.value, metric.run_id) for metric in known.metrics or []] == [
        ("mae", 0.25, run.info.run_id)
    ]
    assert [(out.model_id, out.step) for out in client.get_run(run.info.run_id).outputs.model_outputs] == [
        (model.model_id, 2)
    ]
    client.delete_logged_model(model.model_id)
    with pytest.raises(MlflowException) as refused:
        client.get_logged_model(model.model_id)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_logged_models_are_searched_by_what_they_are_and_what_they_scored(client: MlflowClient) -> None:
    rides = mlflow.data.from_numpy(np.arange(4.0), name="rides", source="https://data.example/rides.csv")
    made = []
    with mlflow.start_run() as run:
        for number in range(3):
            model = client.create_logged_model(
                "0", f"model-{number}", source_run_id=run.info.run_id, params={"depth": str(number)}
            )
            dataset = rides if number else None
            mlflow.log_metric("mae", 3.0 - number, model_id=model.model_id, dataset=dataset)
            made.append(model.model_id)

    def found(text: str = "", order_by: list[dict[str, object]] | None = None, **asked: object) -> list[int]:
        models = client.search_logged_models(["0"], text, order_by=order_by, **asked)
        return [made.index(model.model_id) for model in models]

    assert sorted(found()) == [0, 1, 2]
    assert found("params.depth = '1'") == [1]
    assert sorted(found(f"source_run_id = '{run.info.run_id}' AND name LIKE 'model%'")) == [0, 1, 2]
    assert found("metrics.mae < 2.5", [{"field_name": "metrics.mae", "ascending": True}]) == [2, 1]
    assert sorted(found(datasets=[{"dataset_name": "rides", "dataset_digest": rides.digest}])) == [1, 2]
    assert found("name = 'nobody'") == []
    first = client.search_logged_models(["0"], max_results=2)
    rest = client.search_logged_models(["0"], max_results=2, page_token=first.token)
    assert sorted(made.index(model.model_id) for model in [*first, *rest]) == [0, 1, 2]
    assert rest.token is None


def test_metrics_of_several_runs_are_thinned_out_evenly(client: MlflowClient, installed: None) -> None:
    runs = [client.create_run("0").info.run_id for _ in range(2)]
    for run_id in runs:
        client.log_batch(run_id, [Metric("mae", float(step), 1, step) for step in range(50)])
    asked = "&".join(f"run_ids={run_id}" for run_id in runs) + "&metric_key=mae&max_results=10"
    path = f"/api/2.0/mlflow/metrics/get-history-bulk-interval?{asked}"
    told = json.loads(handler(http_event("GET", path), LambdaContext())["body"])["metrics"]
    steps = [[metric["step"] for metric in told if metric["run_id"] == run_id] for run_id in runs]
    assert steps[0] == steps[1] == [*range(0, 50, 5), 49]
    within = json.loads(
        handler(http_event("GET", f"{path}&start_step=10&end_step=12"), LambdaContext())["body"]
    )
    assert [metric["step"] for metric in within["metrics"]] == [10, 11, 12] * 2


def test_the_files_of_runs_and_models_are_listed_and_fetched_for_the_pages(client: MlflowClient) -> None:
    with mlflow.start_run() as run:
        mlflow.log_text("größe", "notes/a.txt")
    model = client.create_logged_model("0", "m", source_run_id=run.info.run_id)
    client.log_model_artifacts(model.model_id, str(Path(__file__).parent))

    def ask(path: str) -> Any:
        return handler(http_event("GET", path), LambdaContext())

    listed = json.loads(
        ask(f"/ajax-api/2.0/mlflow/artifacts/list?run_id={run.info.run_id}&path=notes")["body"]
    )
    assert listed == {
        "root_uri": run.info.artifact_uri,
        "files": [{"path": "notes/a.txt", "is_dir": False, "file_size": 7}],
    }
    fetched = ask(f"/get-artifact?run_uuid={run.info.run_id}&path=notes/a.txt")
    assert base64.b64decode(fetched["body"]).decode() == "größe"
    assert fetched["headers"]["X-Content-Type-Options"] == "nosniff"
    assert json.loads(ask(f"/get-artifact?run_id={run.info.run_id}&path=../x")["body"])["error_code"] == (
        "INVALID_PARAMETER_VALUE"
    )
    models = f"/api/2.0/mlflow/logged-models/{model.model_id}/artifacts"
    names = [file["path"] for file in json.loads(ask(f"{models}/directories")["body"])["files"]]
    assert Path(__file__).name in names
    assert ask(f"{models}/files?artifact_file_path={Path(__file__).name}")["statusCode"] == 200
