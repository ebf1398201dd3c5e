"""HTTP: the Open Inference Protocol; a model of the protocol is a deployment here."""

from http import HTTPStatus
from time import perf_counter

from shelflife.entry.gateway import Answer
from shelflife.entry.lean import LeanCall, LeanDoor
from shelflife.kernel.names import Context, Header, Metric, Unit
from shelflife.serving.oip import (
    SERVER,
    answer_text,
    metadata,
    read_request,
    readiness_form,
)
from shelflife.serving.wiring import predictions

door = LeanDoor(Context.SERVING)
handler = door.handle


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
    found = served.find(name, version)
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
    request = read_request(call.raw, call.headers)
    began = perf_counter()
    prediction = predictions().predict(name, version, request)
    latency = (perf_counter() - began) * 1000
    revision, model_version = str(prediction.revision), str(prediction.model_version)
    record = call.body
    record.about(deployment=name, variant=model_version)
    record.measure(Metric.LATENCY, latency, Unit.MILLISECONDS)
    record.fields |= {
        "model_version": prediction.model_version,
        "revision": prediction.revision,
        "rows": prediction.rows,
    }
    record.count(Metric.CAPTURES_DROPPED, prediction.captures_dropped)
    return Answer(
        answer_text(prediction),
        headers={Header.MODEL_VERSION: model_version, Header.DEPLOYMENT_REVISION: revision},
    )
