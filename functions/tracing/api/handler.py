"""HTTP: traces by MLflow's REST protocol, and their spans by OTLP."""

import json
from typing import Any

from shelflife.contracts.access import Role
from shelflife.entry.encodings import decoded, encoded
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.names import Context
from shelflife.tracing import exports, legacy, wire
from shelflife.tracing import requests as asked
from shelflife.tracing.metrics import answered
from shelflife.tracing.search import Search
from shelflife.tracing.span_file import FILE_TYPE, read_file
from shelflife.tracing.wiring import assessments, deletions, searches, spans, tracing

door = HttpDoor(Context.TRACING)
handler = door.handle

V2 = "/api/2.0/mlflow/traces"
V3 = "/api/3.0/mlflow/traces"
#: Where a trace says that its artifacts are; clients that export nothing put a file of spans there.
SPAN_FILE = "/api/2.0/mlflow-artifacts/artifacts/<experiment_id>/traces/<trace_id>/artifacts/traces.json"
Nothing = dict[str, object]


@door.post("/v1/traces")
def export_spans(call: Call[None]) -> Answer:
    sent = exports.read(decoded(call.raw, call.headers.get("content-encoding")), call.headers)
    rooted = spans().log(sent.experiment_id, sent.spans)
    if sent.run_id:
        tracing().link_to_run(rooted, sent.run_id)
    return Answer(sent.answer, content_type=sent.answer_type)


@door.put(SPAN_FILE)
def upload_spans(call: Call[None], experiment_id: str, trace_id: str) -> Nothing:  # noqa: ARG001 - the trace says where it is
    """Take spans from the file that MLflow's TypeScript client uploads."""
    spans().take_file(trace_id, read_file(call.raw, trace_id), call.raw)
    return {}


@door.get(SPAN_FILE)
def download_uploaded_spans(call: Call[None], experiment_id: str, trace_id: str) -> Answer:  # noqa: ARG001 - the trace says where it is
    """The file as it was uploaded, or the trace's spans as one."""
    body, found = spans().file(trace_id)
    text = body.decode() if body is not None else wire.file_json(found)
    packed, headers = _encoded(call, text)
    return Answer(packed, headers=headers, content_type=FILE_TYPE)


@door.post(V3, body=asked.StartTrace)
def start_trace(call: Call[asked.StartTrace]) -> Nothing:
    info = call.body.trace.trace_info
    told = info.trace(tuple(assessments().made(said.assessment()) for said in info.assessments))
    return {"trace": {"trace_info": wire.info_json(tracing().start(told))}}


@door.get(f"{V3}/get")
def get_trace(call: Call[None]) -> Answer:
    wanted = call.parameters(asked.OneTrace)
    trace, found = spans().whole(wanted.trace_id, partial=wanted.allow_partial)
    return _packed(call, {"trace": wire.trace_json(trace, found)})


@door.get(f"{V3}/batchGet")
def get_traces(call: Call[None]) -> Answer:
    wanted = call.parameters(asked.ManyTraces)
    found = spans().wholes(tracing().get_many(wanted.trace_ids, wanted.experiment_ids))
    return _packed(call, _listed("traces", [wire.trace_json(trace, held) for trace, held in found]))


@door.post(f"{V3}/batchGetInfos", role=Role.VIEWER, body=asked.ManyTraces)
def get_trace_infos(call: Call[asked.ManyTraces]) -> Nothing:
    found = tracing().get_many(call.body.trace_ids, call.body.experiment_ids)
    return _listed("trace_infos", [wire.info_json(trace) for trace in found])


@door.post(f"{V3}/search", role=Role.VIEWER, body=asked.SearchTraces)
def search_traces(call: Call[asked.SearchTraces]) -> Nothing:
    body = call.body
    found = searches().search(
        Search(body.experiment_ids, body.filter, body.order_by, body.max_results, body.page_token)
    )
    return _listed("traces", [wire.info_json(trace) for trace in found.traces], found.token)


@door.post(f"{V3}/metrics", role=Role.VIEWER, body=asked.QueryMetrics)
def query_metrics(call: Call[asked.QueryMetrics]) -> Nothing:
    question = call.body.question()
    question.checked()
    traces = searches().every(call.body.experiment_ids, question.window)
    points = answered(question, traces, spans().digests)
    return _listed("data_points", [wire.point_json(question.metric, point) for point in points])


@door.get(f"{V3}/<trace_id>")
def get_trace_info(call: Call[None], trace_id: str) -> Nothing:  # noqa: ARG001 - every route takes its call
    return {"trace": {"trace_info": wire.info_json(tracing().get(trace_id))}}


@door.get("/api/2.0/mlflow/get-trace-artifact")
def download_spans(call: Call[None]) -> Answer:
    return _file(call)


@door.get("/api/3.0/mlflow/get-trace-artifact")
def download_spans_v3(call: Call[None]) -> Answer:
    return _file(call)


@door.route("PATCH", f"{V3}/<trace_id>/tags", role=Role.CONTRIBUTOR, body=asked.SetTraceTag)
def set_trace_tag(call: Call[asked.SetTraceTag], trace_id: str) -> Nothing:
    tracing().set_tag(trace_id, call.body.key, call.body.value)
    return {}


@door.route("PATCH", f"{V2}/<trace_id>/tags", role=Role.CONTRIBUTOR, body=asked.SetTraceTag)
def set_trace_tag_v2(call: Call[asked.SetTraceTag], trace_id: str) -> Nothing:
    tracing().set_tag(trace_id, call.body.key, call.body.value)
    return {}


@door.delete(f"{V3}/<trace_id>/tags", body=asked.DeleteTraceTag)
def delete_trace_tag(call: Call[asked.DeleteTraceTag], trace_id: str) -> Nothing:
    tracing().delete_tag(trace_id, call.body.key)
    return {}


@door.delete(f"{V2}/<trace_id>/tags", body=asked.DeleteTraceTag)
def delete_trace_tag_v2(call: Call[asked.DeleteTraceTag], trace_id: str) -> Nothing:
    tracing().delete_tag(trace_id, call.body.key)
    return {}


@door.post(f"{V3}/delete-traces", body=asked.DeleteTraces)
def delete_traces(call: Call[asked.DeleteTraces]) -> Nothing:
    return {"traces_deleted": deletions().delete(call.body.deletion())}


@door.post(f"{V2}/delete-traces", body=asked.DeleteTraces)
def delete_traces_v2(call: Call[asked.DeleteTraces]) -> Nothing:
    return {"traces_deleted": deletions().delete(call.body.deletion())}


@door.post(f"{V2}/link-to-run", body=asked.LinkToRun)
def link_traces_to_run(call: Call[asked.LinkToRun]) -> Nothing:
    tracing().link_to_run(call.body.trace_ids, call.body.run_id)
    return {}


@door.post(f"{V2}/link-prompts", body=asked.LinkPrompts)
def link_prompts_to_trace(call: Call[asked.LinkPrompts]) -> Nothing:
    names = [f"{prompt.name}/{prompt.version}" for prompt in call.body.prompt_versions]
    tracing().link_prompts(call.body.trace_id, names)
    return {}


@door.post(f"{V3}/<trace_id>/assessments", body=asked.CreateAssessment)
def create_assessment(call: Call[asked.CreateAssessment], trace_id: str) -> Nothing:
    said = assessments().create(trace_id, call.body.assessment.assessment())
    return {"assessment": wire.assessment_json(trace_id, said)}


@door.get(f"{V3}/<trace_id>/assessments/<assessment_id>")
def get_assessment(call: Call[None], trace_id: str, assessment_id: str) -> Nothing:  # noqa: ARG001 - see above
    return {"assessment": wire.assessment_json(trace_id, assessments().get(trace_id, assessment_id))}


@door.route(
    "PATCH",
    f"{V3}/<trace_id>/assessments/<assessment_id>",
    role=Role.CONTRIBUTOR,
    body=asked.UpdateAssessment,
)
def update_assessment(call: Call[asked.UpdateAssessment], trace_id: str, assessment_id: str) -> Nothing:
    change = call.body.assessment.change(call.body.update_mask)
    return {
        "assessment": wire.assessment_json(trace_id, assessments().update(trace_id, assessment_id, change))
    }


@door.delete(f"{V3}/<trace_id>/assessments/<assessment_id>")
def delete_assessment(call: Call[None], trace_id: str, assessment_id: str) -> Nothing:  # noqa: ARG001 - see above
    assessments().delete(trace_id, assessment_id)
    return {}


@door.post(V2, body=asked.StartTraceV2)
def start_trace_v2(call: Call[asked.StartTraceV2]) -> Nothing:
    return {"trace_info": wire.info_json_v2(tracing().begin(legacy.begun(call.body)))}


@door.get(V2)
def search_traces_v2(call: Call[None]) -> Nothing:
    page = call.parameters(asked.SearchTracesV2)
    found = searches().search(
        Search(page.experiment_ids, page.filter, page.order_by, page.max_results, page.page_token)
    )
    return _listed("traces", [wire.info_json_v2(trace) for trace in found.traces], found.token)


@door.route("PATCH", f"{V2}/<trace_id>", role=Role.CONTRIBUTOR, body=asked.EndTraceV2)
def end_trace_v2(call: Call[asked.EndTraceV2], trace_id: str) -> Nothing:
    ended = tracing().end(trace_id, lambda known: legacy.ended(known, call.body))
    return {"trace_info": wire.info_json_v2(ended)}


@door.get(f"{V2}/<trace_id>/info")
def get_trace_info_v2(call: Call[None], trace_id: str) -> Nothing:  # noqa: ARG001 - see above
    return {"trace_info": wire.info_json_v2(tracing().get(trace_id))}


def _file(call: Call[None]) -> Answer:
    wanted = call.parameters(asked.TraceFile)
    _, found = spans().whole(wanted.request_id, partial=True)
    body, headers = _encoded(call, wire.file_json(found))
    return Answer(body, headers=wire.FILE_HEADERS | headers, content_type="application/octet-stream")


def _packed(call: Call[None], document: Nothing) -> Answer:
    body, headers = _encoded(call, json.dumps(document, separators=(",", ":")))
    return Answer(body, headers=headers)


def _encoded(call: Call[None], text: str) -> tuple[bytes | str, dict[str, str]]:
    """Spans are long and repeat themselves: compressed, ten times as much fits into an answer of Lambda."""
    body, coding = encoded(text, call.headers.get("accept-encoding", ""))
    return body, {"Content-Encoding": coding, "Vary": "Accept-Encoding"} if coding else {}


def _listed(name: str, found: list[dict[str, Any]], token: str | None = None) -> Nothing:
    """What was found; an empty list and the token of no page are left out."""
    return ({name: found} if found else {}) | ({"next_page_token": token} if token else {})
