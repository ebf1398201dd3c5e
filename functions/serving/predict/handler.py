"""HTTP: the Open Inference Protocol, MLflow's scoring form, and features; their models are deployments."""

from http import HTTPStatus

from shelflife.contracts.access import Role
from shelflife.entry.after import AfterAnswer
from shelflife.entry.gateway import Answer
from shelflife.entry.initialization import initialize
from shelflife.entry.lean import LeanCall, LeanDoor
from shelflife.entry.records import Record
from shelflife.kernel.names import Context, Header, Metric, Unit
from shelflife.serving.metadata import SERVER, readiness_form
from shelflife.serving.oip import HEADER_LENGTH
from shelflife.serving.scoring import prediction_text, predictions_text
from shelflife.serving.served import Routing
from shelflife.serving.tensors import Prediction
from shelflife.serving.wiring import (
    answer_cache,
    predictions,
    preloads,
    protocol,
    repository,
    scoring,
)
from shelflife.serving.wiring_captures import hand_off

#: What JSON with tensors behind it is.
BYTES = "application/octet-stream"

door = LeanDoor(Context.SERVING)


def hand_over(record: Record) -> bool:
    """Send what the answers left to be captured, and keep them; what did not go well is told."""
    answer_cache().flush()
    handed_over = hand_off().flush()
    record.count(Metric.CAPTURES_SPILLED, handed_over.waiting)
    record.count(Metric.CAPTURES_DROPPED, handed_over.dropped)
    return handed_over.waiting > 0


#: Made on import: Lambda takes an extension only while the function starts.
handler = AfterAnswer(door.handle, hand_over, "serving/captures")
# In Lambda's init phase, which provisioned concurrency and snapshots have behind them when a request comes.
initialize(Context.SERVING, preloads)


@door.get("/v2", role=None)
def server(call: LeanCall) -> Answer:  # noqa: ARG001 - every route takes its call
    return Answer(SERVER)


@door.get("/v2/health/live", role=None)
def live(call: LeanCall) -> Answer:  # noqa: ARG001 - as above
    return Answer({"live": True})


@door.get("/v2/health/ready", role=None)
def ready(call: LeanCall) -> Answer:  # noqa: ARG001 - as above
    return Answer({"live": True, "ready": True})


@door.get("/v2/models/stats")
def all_statistics(call: LeanCall) -> Answer:  # noqa: ARG001 - as above
    return Answer(protocol().statistics.told())


@door.get("/v2/models/<name>")
@door.get("/v2/models/<name>/versions/<version>")
def describe(call: LeanCall, name: str, version: str | None = None) -> Answer:  # noqa: ARG001 - as above
    return Answer(protocol().describe(name, version))


@door.get("/v2/models/<name>/config")
@door.get("/v2/models/<name>/versions/<version>/config")
def configure(call: LeanCall, name: str, version: str | None = None) -> Answer:  # noqa: ARG001 - as above
    return Answer(protocol().configure(name, version))


@door.get("/v2/models/<name>/stats")
@door.get("/v2/models/<name>/versions/<version>/stats")
def statistics(call: LeanCall, name: str, version: str | None = None) -> Answer:  # noqa: ARG001 - as above
    return Answer(protocol().count(name, version))


@door.get("/v2/models/<name>/ready")
@door.get("/v2/models/<name>/versions/<version>/ready")
def model_ready(call: LeanCall, name: str, version: str | None = None) -> Answer:  # noqa: ARG001 - as above
    readiness = predictions().readiness(name, version)
    status = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(readiness_form(readiness), status)


@door.post("/v2/models/<name>/infer")
@door.post("/v2/models/<name>/versions/<version>/infer")
def infer(call: LeanCall, name: str, version: str | None = None) -> Answer:
    prediction, answer = protocol().infer(name, call.raw, call.headers, routing(call, version))
    note(call, prediction)
    headers = named(prediction)
    if answer.header_length is None:
        return Answer(answer.body, headers=headers)
    headers[HEADER_LENGTH] = str(answer.header_length)
    return Answer(answer.body, headers=headers, content_type=BYTES)


@door.post("/v2/repository/index")
def repository_index(call: LeanCall) -> Answer:
    return Answer(repository().index(call.raw))


@door.post("/v2/repository/models/<name>/load", role=Role.CONTRIBUTOR)
def load(call: LeanCall, name: str) -> Answer:
    """Read the deployment's models anew into the instance that answers."""
    return Answer(repository().load(name, call.raw))


@door.post("/v2/repository/models/<name>/unload", role=Role.CONTRIBUTOR)
def unload(call: LeanCall, name: str) -> Answer:
    """Let the instance that answers forget the deployment's models."""
    return Answer(repository().unload(name, call.raw))


@door.post("/models/<name>/invocations")
def score(call: LeanCall, name: str) -> Answer:
    """MLflow's scoring form."""
    prediction = scoring().score(name, call.raw, call.headers.get("content-type"), routing(call))
    note(call, prediction)
    return Answer(predictions_text(prediction), headers=named(prediction))


@door.post("/predict")
def predict(call: LeanCall) -> Answer:
    """One list of features, or several."""
    prediction = scoring().answer(call.raw, routing(call))
    note(call, prediction)
    return Answer(prediction_text(prediction), headers=named(prediction))


def routing(call: LeanCall, version: str | None = None) -> Routing:
    """What the caller says of who is to answer."""
    headers = call.headers
    return Routing(headers.get(Header.STICKY_KEY), headers.get(Header.VARIANT), version)


def note(call: LeanCall, prediction: Prediction) -> None:
    """Tell the log and the metrics what answered."""
    record = call.record
    record.about(deployment=prediction.deployment, variant=prediction.variant)
    record.measure(Metric.LATENCY, prediction.latency_ms, Unit.MILLISECONDS)
    if loads := predictions().models.new_loads():
        record.measure(Metric.MODEL_LOADS, len(loads))
        record.measure(Metric.MODEL_LOAD_TIME, sum(one.milliseconds for one in loads), Unit.MILLISECONDS)
    if prediction.is_repeated is not None:
        record.measure(Metric.CACHE_HITS, int(prediction.is_repeated))
        record.measure(Metric.CACHE_MISSES, int(not prediction.is_repeated))
    record.fields |= {
        "model_version": prediction.model_version,
        "revision": prediction.revision,
        "rows": prediction.rows,
    }


def named(prediction: Prediction) -> dict[str, str]:
    """Tell the caller what answered."""
    headers: dict[str, str] = {
        Header.MODEL_VERSION: str(prediction.model_version),
        Header.DEPLOYMENT_REVISION: str(prediction.revision),
        Header.VARIANT: prediction.variant,
    }
    if prediction.is_repeated is not None:
        headers[Header.CACHE] = "hit" if prediction.is_repeated else "miss"
    return headers
