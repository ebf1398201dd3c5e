"""HTTP: models that runs made, over MLflow's REST protocol."""

from urllib.parse import unquote

from shelflife.contracts.access import Role
from shelflife.entry.http import Call, HttpDoor
from shelflife.kernel.names import Context
from shelflife.tracking import model_requests as asked
from shelflife.tracking import wire
from shelflife.tracking.logged_models import NewModel
from shelflife.tracking.model_wire import model_json
from shelflife.tracking.wiring import logged_models

door = HttpDoor(Context.TRACKING)
handler = door.handle

MODELS = "/api/2.0/mlflow/logged-models"
Nothing = dict[str, object]


@door.post(MODELS, body=asked.CreateModel)
def create_logged_model(call: Call[asked.CreateModel]) -> Nothing:
    body = call.body
    new = NewModel(
        body.experiment_id,
        name=body.name,
        model_type=body.model_type,
        source_run_id=body.source_run_id,
        params={param.key: param.value for param in body.params},
        tags={tag.key: tag.value for tag in body.tags},
    )
    return {"model": model_json(logged_models().create(new))}


@door.post(f"{MODELS}/search", role=Role.VIEWER, body=asked.SearchModels)
def search_logged_models(call: Call[asked.SearchModels]) -> str:
    body = call.body
    found = logged_models().search(body.search())
    return wire.page("models", found, model_json, token=body.page_token, limit=body.max_results)


@door.get(f"{MODELS}/<model_id>")
def get_logged_model(call: Call[None], model_id: str) -> Nothing:  # noqa: ARG001 - every route takes its call
    return {"model": model_json(logged_models().get(model_id))}


@door.route("PATCH", f"{MODELS}/<model_id>", role=Role.CONTRIBUTOR, body=asked.EndModel)
def finalize_logged_model(call: Call[asked.EndModel], model_id: str) -> Nothing:
    return {"model": model_json(logged_models().end(model_id, call.body.status))}


@door.delete(f"{MODELS}/<model_id>")
def delete_logged_model(call: Call[None], model_id: str) -> Nothing:  # noqa: ARG001 - see above
    logged_models().delete(model_id)
    return {}


@door.post(f"{MODELS}/<model_id>/params", body=asked.LogModelParams)
def log_logged_model_params(call: Call[asked.LogModelParams], model_id: str) -> Nothing:
    logged_models().log_params(model_id, {param.key: param.value for param in call.body.params})
    return {}


@door.route("PATCH", f"{MODELS}/<model_id>/tags", role=Role.CONTRIBUTOR, body=asked.SetModelTags)
def set_logged_model_tags(call: Call[asked.SetModelTags], model_id: str) -> Nothing:
    tags = {tag.key: tag.value for tag in call.body.tags}
    return {"model": model_json(logged_models().set_tags(model_id, tags))}


@door.delete(f"{MODELS}/<model_id>/tags/<tag_key>")
def delete_logged_model_tag(call: Call[None], model_id: str, tag_key: str) -> Nothing:  # noqa: ARG001 - see above
    logged_models().delete_tag(model_id, unquote(tag_key))
    return {}
