"""HTTP: the part of MLflow's REST protocol that its clients track experiments with."""

from shelflife.contracts.access import Role
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.names import Context
from shelflife.tracking import requests as asked
from shelflife.tracking import wire
from shelflife.tracking.experiments import ExperimentSearch
from shelflife.tracking.model import Entries, ModelOutput
from shelflife.tracking.service import RunSearch
from shelflife.tracking.wiring import experiments, tracking

door = HttpDoor(Context.TRACKING)
handler = door.handle

MLFLOW = "/api/2.0/mlflow"
Nothing = dict[str, object]


@door.get("/version", role=None)
def version(call: Call[None]) -> Answer:  # noqa: ARG001 - every route takes its call
    return Answer(wire.VERSION, content_type="text/plain")


@door.get("/health", role=None)
def health(call: Call[None]) -> Answer:  # noqa: ARG001 - every route takes its call
    return Answer("OK", content_type="text/plain")


@door.get("/api/3.0/mlflow/server-info", role=None)
def server_info(call: Call[None]) -> Nothing:  # noqa: ARG001 - see above
    return wire.SERVER_INFO


@door.post(f"{MLFLOW}/experiments/create", body=asked.CreateExperiment)
def create_experiment(call: Call[asked.CreateExperiment]) -> Nothing:
    body = call.body
    tags = {tag.key: tag.value for tag in body.tags}
    return {"experiment_id": experiments().create(body.name, body.artifact_location, tags).experiment_id}


@door.get(f"{MLFLOW}/experiments/get")
def get_experiment(call: Call[None]) -> Nothing:
    experiment_id = call.parameters(asked.ExperimentId).experiment_id
    return {"experiment": wire.experiment_json(experiments().get(experiment_id))}


@door.get(f"{MLFLOW}/experiments/get-by-name")
def get_experiment_by_name(call: Call[None]) -> Nothing:
    name = call.parameters(asked.NamedExperiment).experiment_name
    return {"experiment": wire.experiment_json(experiments().get_by_name(name))}


@door.get(f"{MLFLOW}/experiments/search")
def list_experiments(call: Call[None]) -> str:
    return _found_experiments(call.parameters(asked.SearchExperiments))


@door.post(f"{MLFLOW}/experiments/search", role=Role.VIEWER, body=asked.SearchExperiments)
def search_experiments(call: Call[asked.SearchExperiments]) -> str:
    return _found_experiments(call.body)


@door.post(f"{MLFLOW}/experiments/update", body=asked.UpdateExperiment)
def update_experiment(call: Call[asked.UpdateExperiment]) -> Nothing:
    if call.body.new_name:
        experiments().rename(call.body.experiment_id, call.body.new_name)
    return {}


@door.post(f"{MLFLOW}/experiments/delete", body=asked.ExperimentId)
def delete_experiment(call: Call[asked.ExperimentId]) -> Nothing:
    experiments().delete(call.body.experiment_id)
    return {}


@door.post(f"{MLFLOW}/experiments/restore", body=asked.ExperimentId)
def restore_experiment(call: Call[asked.ExperimentId]) -> Nothing:
    experiments().restore(call.body.experiment_id)
    return {}


@door.post(f"{MLFLOW}/experiments/set-experiment-tag", body=asked.SetExperimentTag)
def set_experiment_tag(call: Call[asked.SetExperimentTag]) -> Nothing:
    experiments().set_tag(call.body.experiment_id, call.body.key, call.body.value)
    return {}


@door.post(f"{MLFLOW}/experiments/delete-experiment-tag", body=asked.DeleteExperimentTag)
def delete_experiment_tag(call: Call[asked.DeleteExperimentTag]) -> Nothing:
    experiments().delete_tag(call.body.experiment_id, call.body.key)
    return {}


@door.post(f"{MLFLOW}/runs/create", body=asked.CreateRun)
def create_run(call: Call[asked.CreateRun]) -> Nothing:
    body = call.body
    run = tracking().create_run(
        body.experiment_id,
        run_name=body.run_name,
        user_id=body.user_id or call.principal.name,
        start_time=body.start_time,
        tags={tag.key: tag.value for tag in body.tags},
    )
    return {"run": wire.run_json(run)}


@door.get(f"{MLFLOW}/runs/get")
def get_run(call: Call[None]) -> Nothing:
    run_id = call.parameters(asked.RunId).of
    return {"run": wire.run_json(tracking().get_run(run_id))}


@door.post(f"{MLFLOW}/runs/update", body=asked.UpdateRun)
def update_run(call: Call[asked.UpdateRun]) -> Nothing:
    body = call.body
    run = tracking().update_run(body.of, status=body.status, end_time=body.end_time, run_name=body.run_name)
    return {"run_info": wire.run_info_json(run)}


@door.post(f"{MLFLOW}/runs/delete", body=asked.RunId)
def delete_run(call: Call[asked.RunId]) -> Nothing:
    tracking().delete_run(call.body.of)
    return {}


@door.post(f"{MLFLOW}/runs/restore", body=asked.RunId)
def restore_run(call: Call[asked.RunId]) -> Nothing:
    tracking().restore_run(call.body.of)
    return {}


@door.post(f"{MLFLOW}/runs/log-metric", body=asked.LogMetric)
def log_metric(call: Call[asked.LogMetric]) -> Nothing:
    tracking().log(call.body.of, Entries(metrics=(call.body.metric(),)))
    return {}


@door.post(f"{MLFLOW}/runs/log-parameter", body=asked.LogParam)
def log_param(call: Call[asked.LogParam]) -> Nothing:
    tracking().log(call.body.of, Entries(params=((call.body.key, call.body.value),)))
    return {}


@door.post(f"{MLFLOW}/runs/set-tag", body=asked.SetTag)
def set_tag(call: Call[asked.SetTag]) -> Nothing:
    tracking().log(call.body.of, Entries(tags=((call.body.key, call.body.value),)))
    return {}


@door.post(f"{MLFLOW}/runs/delete-tag", body=asked.DeleteTag)
def delete_tag(call: Call[asked.DeleteTag]) -> Nothing:
    tracking().delete_tag(call.body.of, call.body.key)
    return {}


@door.post(f"{MLFLOW}/runs/log-batch", body=asked.LogBatch)
def log_batch(call: Call[asked.LogBatch]) -> Nothing:
    tracking().log(call.body.of, call.body.entries())
    return {}


@door.post(f"{MLFLOW}/runs/search", role=Role.VIEWER, body=asked.SearchRuns)
def search_runs(call: Call[asked.SearchRuns]) -> str:
    body = call.body
    found = tracking().search_runs(
        RunSearch(
            body.experiment_ids,
            body.filter,
            body.order_by,
            body.run_view_type,
            body.page_token,
            expected=body.max_results + 1,
        )
    )
    return wire.found_page("runs", found.runs, wire.run_json, mark=found.token, limit=body.max_results)


@door.get(f"{MLFLOW}/metrics/get-history")
def get_metric_history(call: Call[None]) -> str:
    page = call.parameters(asked.MetricHistoryPage)
    history = tracking().metric_history(page.of, page.metric_key)
    return wire.page("metrics", history, wire.metric_json, token=page.page_token, limit=page.max_results)


@door.get(f"{MLFLOW}/metrics/get-history-bulk-interval")
def sample_metric_histories(call: Call[None]) -> Nothing:
    return _sampled(call.parameters(asked.MetricHistories))


@door.get(f"{MLFLOW}/metrics/get-history-bulk")
def list_metric_histories(call: Call[None]) -> Nothing:
    return _sampled(call.parameters(asked.MetricHistories))


@door.post(f"{MLFLOW}/runs/log-inputs", body=asked.LogInputs)
def log_inputs(call: Call[asked.LogInputs]) -> Nothing:
    body = call.body
    inputs = [sent.read() for sent in body.datasets]
    tracking().log_inputs(body.of, inputs, [model.model_id for model in body.models])
    return {}


@door.post(f"{MLFLOW}/runs/outputs", body=asked.LogOutputs)
def log_outputs(call: Call[asked.LogOutputs]) -> Nothing:
    tracking().log_outputs(call.body.of, [ModelOutput(sent.model_id, sent.step) for sent in call.body.models])
    return {}


@door.post(f"{MLFLOW}/runs/log-model", body=asked.LogModel)
def log_model(call: Call[asked.LogModel]) -> Nothing:
    """Clients before 3.0 say so which models a run has."""
    tracking().log_model(call.body.of, call.body.model_json)
    return {}


@door.post(f"{MLFLOW}/experiments/search-datasets", role=Role.VIEWER, body=asked.SearchDatasets)
def search_datasets(call: Call[asked.SearchDatasets]) -> Nothing:
    found = [wire.dataset_json(one) for one in tracking().search_datasets(call.body.experiment_ids)]
    return {"dataset_summaries": found} if found else {}


def _sampled(page: asked.MetricHistories) -> Nothing:
    found = tracking().metric_histories(page.of, page.metric_key, limit=page.max_results, steps=page.steps)
    told = [wire.metric_json(metric) | {"run_id": run_id} for run_id, metric in found]
    return {"metrics": told} if told else {}


def _found_experiments(search: asked.SearchExperiments) -> str:
    found = experiments().search(ExperimentSearch(search.filter, search.order_by, search.view_type))
    show = wire.experiment_json
    return wire.page("experiments", found, show, token=search.page_token, limit=search.max_results)
