"""The steps: what a data scientist does from the first run to a served model, a prompt and a trace.

Nothing here knows of shelflife: it passes on stock `mlflow server`, too.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, ViewType
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression

#: Set by the test, so that several clients have names of their own in one installation.
NAME = os.environ.get("JOURNEY_NAME", "journey")
STEPS: dict[str, Callable[[], None]] = {}
#: What steps leave for later ones.
MADE: dict[str, Any] = {}
ROWS = pd.DataFrame({"temp": [0.1, 0.5, 0.9, 0.3], "hour": [1.0, 8.0, 17.0, 23.0]})
TARGET = np.array([3.0, 40.0, 90.0, 12.0])
POINTS = 10_000
LARGE_BYTES = 25 * 1024 * 1024


def step(function: Callable[[], None]) -> Callable[[], None]:
    STEPS[function.__name__] = function
    return function


def client() -> MlflowClient:
    return MlflowClient()


@contextmanager
def refused(code: str) -> Iterator[None]:
    """What is done within is refused with MLflow's code."""
    try:
        yield
    except MlflowException as error:
        if error.error_code != code:
            raise
    else:
        message = f"this was not refused with {code}"
        raise AssertionError(message)


def until(question: Callable[[], Any], seconds: float = 20) -> Any:
    """What is true in the end: clients send traces from a thread of theirs."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = question()
        except MlflowException:
            answer = None
        if answer or time.monotonic() > end:
            assert answer, "this did not come true"
            return answer
        time.sleep(0.2)


@step
def experiment_is_made_once() -> None:
    first = mlflow.set_experiment(NAME)
    assert mlflow.set_experiment(NAME).experiment_id == first.experiment_id
    MADE["experiment_id"] = first.experiment_id
    client().set_experiment_tag(first.experiment_id, "team", "risk")
    assert client().get_experiment_by_name(NAME).tags["team"] == "risk"
    found = client().search_experiments(filter_string=f"name = '{NAME}' AND tags.team = 'risk'")
    assert [one.experiment_id for one in found] == [first.experiment_id]


@step
def autolog_logs_a_fit() -> None:
    mlflow.sklearn.autolog(log_datasets=True)
    with mlflow.start_run(run_name="autologged") as run:
        LinearRegression().fit(ROWS, TARGET)
    mlflow.sklearn.autolog(disable=True)
    kept = client().get_run(run.info.run_id)
    assert kept.data.params["fit_intercept"] == "True"
    assert kept.data.metrics["training_r2_score"] > 0
    assert kept.inputs.dataset_inputs
    loaded = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert np.allclose(loaded.predict(ROWS), LinearRegression().fit(ROWS, TARGET).predict(ROWS))


@step
def ten_thousand_steps_of_a_metric_come_back() -> None:
    with mlflow.start_run(run_name="long") as run:
        for first in range(0, POINTS, 1000):
            metrics = [Metric("loss", 1 / (at + 1), at, at) for at in range(first, first + 1000)]
            client().log_batch(run.info.run_id, metrics, [Param("batch", "1000")], [])
        for at in range(5):
            mlflow.log_metric("late", math.nan if at == 2 else float(at), step=at)
    history = client().get_metric_history(run.info.run_id, "loss")
    assert [metric.step for metric in history] == list(range(POINTS))
    assert client().get_run(run.info.run_id).data.metrics["loss"] == 1 / POINTS
    late = client().get_metric_history(run.info.run_id, "late")
    assert [math.isnan(metric.value) for metric in late] == [False, False, True, False, False]


@step
def files_of_all_sizes_come_back() -> None:
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name="files") as run:
        large = os.urandom(LARGE_BYTES)
        (Path(folder) / "large.bin").write_bytes(large)
        (Path(folder) / "empty.txt").write_bytes(b"")
        (Path(folder) / "deep" / "er").mkdir(parents=True)
        (Path(folder) / "deep" / "er" / "größe 1.txt").write_text("größe")
        mlflow.log_artifacts(folder, "data")
    listed = {file.path: file.file_size or 0 for file in client().list_artifacts(run.info.run_id, "data")}
    assert listed == {"data/deep": 0, "data/empty.txt": 0, "data/large.bin": LARGE_BYTES}
    with tempfile.TemporaryDirectory() as folder:
        fetched = Path(client().download_artifacts(run.info.run_id, "data", folder))
        assert (fetched / "large.bin").read_bytes() == large
        assert (fetched / "empty.txt").read_bytes() == b""
        assert (fetched / "deep" / "er" / "größe 1.txt").read_text() == "größe"


@step
def a_model_is_logged_and_loaded_by_its_run() -> None:
    fitted = LinearRegression().fit(ROWS, TARGET)
    with mlflow.start_run(run_name="model") as run:
        mlflow.log_metric("rmse", 1.5)
        info = mlflow.sklearn.log_model(fitted, name="model", input_example=ROWS)
    MADE.update(run_id=run.info.run_id, fitted=fitted, info=info)
    for uri in (f"runs:/{run.info.run_id}/model", info.model_uri):
        assert np.allclose(mlflow.pyfunc.load_model(uri).predict(ROWS), fitted.predict(ROWS))
    if hasattr(info, "model_id") and info.model_id:
        (found,) = mlflow.search_logged_models(
            [MADE["experiment_id"]], f"source_run_id = '{run.info.run_id}'", output_format="list"
        )
        assert found.model_id == info.model_id


@step
def models_are_registered_in_versions() -> None:
    made = mlflow.register_model(MADE["info"].model_uri, NAME)
    again = mlflow.register_model(f"runs:/{MADE['run_id']}/model", NAME, tags={"kind": "second"})
    assert (made.version, again.version) == ("1", "2") or (made.version, again.version) == (1, 2)
    client().update_registered_model(NAME, description="What the journey made.")
    client().set_model_version_tag(NAME, "1", "validated", "yes")
    client().update_model_version(NAME, "2", description="The second.")
    assert client().get_registered_model(NAME).description == "What the journey made."
    assert client().get_model_version(NAME, "1").tags["validated"] == "yes"
    assert client().get_model_version(NAME, "2").run_id == MADE["run_id"]
    with refused("RESOURCE_ALREADY_EXISTS"):
        client().create_registered_model(NAME)


@step
def stages_move_versions_to_production() -> None:
    client().transition_model_version_stage(NAME, "1", "Production")
    client().transition_model_version_stage(NAME, "2", "Production", archive_existing_versions=True)
    assert client().get_model_version(NAME, "1").current_stage == "Archived"
    (latest,) = client().get_latest_versions(NAME, ["Production"])
    assert str(latest.version) == "2"
    loaded = mlflow.pyfunc.load_model(f"models:/{NAME}/Production")
    assert np.allclose(loaded.predict(ROWS), MADE["fitted"].predict(ROWS))


@step
def aliases_name_versions() -> None:
    client().set_registered_model_alias(NAME, "challenger", "2")
    assert str(client().get_model_version_by_alias(NAME, "challenger").version) == "2"
    for uri in (f"models:/{NAME}@challenger", f"models:/{NAME}/1"):
        assert np.allclose(mlflow.sklearn.load_model(uri).predict(ROWS), MADE["fitted"].predict(ROWS))
    client().delete_registered_model_alias(NAME, "challenger")
    with refused("INVALID_PARAMETER_VALUE"):
        client().get_model_version_by_alias(NAME, "challenger")


@step
def versions_and_models_are_searched() -> None:
    found = client().search_model_versions(f"name = '{NAME}'", order_by=["version_number DESC"])
    assert [str(one.version) for one in found] == ["2", "1"]
    by_run = client().search_model_versions(f"run_id = '{MADE['run_id']}' AND tags.kind = 'second'")
    assert [str(one.version) for one in by_run] == ["2"]
    models = client().search_registered_models(f"name LIKE '{NAME}%'")
    assert [one.name for one in models] == [NAME]


@step
def runs_are_searched_in_pages() -> None:
    made = []
    for number in range(12):
        with mlflow.start_run(run_name=f"searched {number}", tags={"searched": "yes"}) as run:
            mlflow.log_param("depth", number % 3)
            mlflow.log_metric("accuracy", number / 10)
            made.append(run.info.run_id)
    asked: dict[str, Any] = {
        "filter_string": "metrics.accuracy > 0.25 AND params.depth != '1' AND tags.searched = 'yes'",
        "order_by": ["metrics.accuracy DESC"],
        "max_results": 3,
    }
    seen: list[str] = []
    token = None
    while True:
        page = client().search_runs([MADE["experiment_id"]], page_token=token, **asked)
        seen += [run.info.run_id for run in page]
        token = page.token
        if not token:
            break
    assert seen == [made[number] for number in range(11, 2, -1) if number % 3 != 1]
    table = mlflow.search_runs(experiment_names=[NAME], filter_string="params.depth = '2'")
    assert len(table) == 4


@step
def deleted_runs_are_hidden_until_restored() -> None:
    run_id = client().create_run(MADE["experiment_id"], tags={"gone": "yes"}).info.run_id
    client().delete_run(run_id)
    assert not client().search_runs([MADE["experiment_id"]], "tags.gone = 'yes'")
    hidden = client().search_runs([MADE["experiment_id"]], "tags.gone = 'yes'", ViewType.DELETED_ONLY)
    assert [run.info.run_id for run in hidden] == [run_id]
    client().restore_run(run_id)
    assert client().search_runs([MADE["experiment_id"]], "tags.gone = 'yes'")


@step
def prompts_are_kept_in_versions() -> None:
    name = f"{NAME}-prompt"
    for text in ("Hello {{name}}", "Good morning {{name}}"):
        mlflow.genai.register_prompt(name, text, commit_message="why", tags={"tone": "kind"})
    mlflow.genai.set_prompt_alias(name, "morning", 2)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@morning").format(name="Ada") == "Good morning Ada"
    assert mlflow.genai.load_prompt(f"prompts:/{name}/1").template == "Hello {{name}}"
    assert name in [one.name for one in mlflow.genai.search_prompts(f"name = '{name}'")]
    assert name not in [one.name for one in client().search_registered_models()]


@step
def traces_are_kept_with_their_spans() -> None:
    @mlflow.trace(name="answer", span_type="AGENT")  # type: ignore[untyped-decorator]  # the client is untyped
    def answer(question: str) -> str:
        with mlflow.start_span("look up", span_type="RETRIEVER") as span:
            span.set_inputs({"question": question})
            span.set_outputs(["a", "b"])
        return question.upper()

    assert answer("why?") == "WHY?"
    trace_id = mlflow.get_last_active_trace_id()
    assert trace_id
    MADE["trace_id"] = trace_id
    trace = until(lambda: len((found := client().get_trace(trace_id)).data.spans) == 2 and found)
    assert {span.name for span in trace.data.spans} == {"answer", "look up"}
    assert trace.info.state.value == "OK" if hasattr(trace.info, "state") else True
    mlflow.set_trace_tag(trace_id, "topic", "milk")
    found = mlflow.search_traces(
        experiment_ids=[MADE["experiment_id"]], filter_string="tags.topic = 'milk'", return_type="list"
    )
    assert [one.info.trace_id for one in found] == [trace_id]


@step
def assessments_are_logged_changed_and_deleted() -> None:
    from mlflow.entities import AssessmentSource  # noqa: PLC0415 - clients before 3.0 have none

    source = AssessmentSource(source_type="HUMAN", source_id="ada")
    trace_id = MADE["trace_id"]
    good = mlflow.log_feedback(trace_id=trace_id, name="good", value=True, source=source, rationale="true")
    mlflow.log_expectation(trace_id=trace_id, name="expected", value="WHY?", source=source)
    mlflow.override_feedback(trace_id=trace_id, assessment_id=good.assessment_id, value=False, source=source)
    told = {
        (one.name, one.feedback.value if one.feedback else one.expectation.value, one.valid)
        for one in client().get_trace(trace_id).info.assessments
    }
    assert {("good", False, True), ("expected", "WHY?", None)} <= {
        (name, value, valid if name == "good" else None) for name, value, valid in told
    }
    for one in client().get_trace(trace_id).info.assessments:
        if one.name == "expected":
            mlflow.delete_assessment(trace_id=trace_id, assessment_id=one.assessment_id)
    assert "expected" not in [one.name for one in client().get_trace(trace_id).info.assessments]


@step
def models_can_be_renamed_and_deleted() -> None:
    name = f"{NAME}-short-lived"
    client().create_registered_model(name)
    client().create_model_version(name, f"runs:/{MADE['run_id']}/model", MADE["run_id"])
    client().rename_registered_model(name, f"{name}-renamed")
    client().delete_model_version(f"{name}-renamed", "1")
    client().delete_registered_model(f"{name}-renamed")
    assert not client().search_registered_models(f"name LIKE '{name}%'")
