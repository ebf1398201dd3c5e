"""HTTP: experiments and runs of another server come in under the ids that they had; for administrators."""

import re
from typing import Annotated, Any

from pydantic import Field

from shelflife.contracts.access import Role
from shelflife.entry.http import Call, HttpDoor, InvalidParameterError
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context
from shelflife.tracking import wire
from shelflife.tracking.logged_models import NewModel
from shelflife.tracking.model_wire import model_json
from shelflife.tracking.wiring import adoption

door = HttpDoor(Context.TRACKING)
handler = door.handle

Milliseconds = Annotated[int, Field(ge=0)]
_LONGEST_ID = 64
_MODEL_ID = re.compile(r"m-[A-Za-z0-9]{1,64}")


class AdoptExperiment(Model):
    name: str = Field(min_length=1, max_length=500)
    creation_time: Milliseconds


class AdoptRun(Model):
    experiment_id: str
    run_name: str
    user_id: str
    start_time: Milliseconds


class AdoptLoggedModel(Model):
    experiment_id: str
    name: str = Field(min_length=1)
    model_type: str = ""
    source_run_id: str = ""
    creation_time: Milliseconds


@door.put("/v1/tracking/experiments/<experiment_id>", role=Role.ADMIN, body=AdoptExperiment)
def adopt_experiment(call: Call[AdoptExperiment], experiment_id: str) -> dict[str, Any]:
    if not (experiment_id.isascii() and experiment_id.isdecimal() and len(experiment_id) <= _LONGEST_ID):
        raise InvalidParameterError("experiment_id", experiment_id, "a number")
    made = adoption().experiment(experiment_id, name=call.body.name, creation_time=call.body.creation_time)
    return {"experiment": wire.experiment_json(made)}


@door.put("/v1/tracking/runs/<run_id>", role=Role.ADMIN, body=AdoptRun)
def adopt_run(call: Call[AdoptRun], run_id: str) -> dict[str, Any]:
    if not (run_id.isascii() and run_id.isalnum() and len(run_id) <= _LONGEST_ID):
        raise InvalidParameterError("run_id", run_id, f"up to {_LONGEST_ID} letters and digits")
    return {"run": wire.run_json(adoption().run(run_id, **dict(call.body)))}


@door.put("/v1/tracking/logged-models/<model_id>", role=Role.ADMIN, body=AdoptLoggedModel)
def adopt_logged_model(call: Call[AdoptLoggedModel], model_id: str) -> dict[str, Any]:
    if not _MODEL_ID.fullmatch(model_id):
        raise InvalidParameterError("model_id", model_id, f"m- and up to {_LONGEST_ID} letters and digits")
    body = call.body
    new = NewModel(body.experiment_id, body.name, body.model_type, body.source_run_id)
    return {"model": model_json(adoption().logged_model(model_id, new, creation_time=body.creation_time))}
