"""HTTP: the Open Inference Protocol; a model of the protocol is a deployment here."""

from http import HTTPStatus
from time import perf_counter

from shelflife.entry.after import AfterAnswer
from shelflife.entry.gateway import Answer
from shelflife.entry.initialization import initialize
from shelflife.entry.lean import LeanCall, LeanDoor
from shelflife.entry.records import Record
from shelflife.kernel.names import Context, Header, Metric, Unit
from shelflife.serving.oip import (
    SERVER,
    answer_text,
    metadata,
    read_request,
    readiness_form,
)
from shelflife.serving.served import Routing
from shelflife.serving.wiring import hand_off, predictions, preloads

door = LeanDoor(Context.SERVING)


def hand_over(record: Record) -> None:
    """Send what the answers left to be captured; what did not go well is told."""
    handed_over = hand_off().flush()
    record.count(Metric.CAPTURES_SPILLED, handed_over.waiting)
    record.count(Metric.CAPTURES_DROPPED, handed_over.dropped)


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


@door.get("/v2/models/<name>")
@door.get("/v2/models/<name>/versions/<version>")
def describe(call: LeanCall, name: str, version: str | None = None) -> Answer:  # noqa: ARG001 - as above
    served = predictions().served
    found = served.find(name, Routing(version=version))
    return Answer(metadata(name, found.reference, served.versions(found)))


@door.get("/v2/models/<name>/ready")
@door.get("/v2/models/<name>/versions/<version>/ready")
def model_ready(call: LeanCall, name: str, version: str | None = None) -> Answer:  # noqa: ARG001 - as above
    readiness = predictions().readiness(name, version)
    status = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(readiness_form(readiness), status)


@door.post("/v2/models/<name>/infer")
@door.post("/v2/models/<name>/versions/<version>/infer")
def infer(call: LeanCall, name: str, version: str | None = None) -> Answer:
    headers = call.headers
    routing = Routing(headers.get(Header.STICKY_KEY), headers.get(Header.VARIANT), version)
    request = read_request(call.raw, headers)
    began = perf_counter()
    prediction = predictions().predict(name, request, routing)
    latency = (perf_counter() - began) * 1000
    revision, model_version = str(prediction.revision), str(prediction.model_version)
    record = call.body
    record.about(deployment=name, variant=prediction.variant)
    record.measure(Metric.LATENCY, latency, Unit.MILLISECONDS)
    record.fields |= {
        "model_version": prediction.model_version,
        "revision": prediction.revision,
        "rows": prediction.rows,
    }
    return Answer(
        answer_text(prediction),
        headers={
            Header.MODEL_VERSION: model_version,
            Header.DEPLOYMENT_REVISION: revision,
            Header.VARIANT: prediction.variant,
        },
    )
