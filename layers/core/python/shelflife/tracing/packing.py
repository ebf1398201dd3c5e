"""Traces and spans as compressed JSON."""

import json
import zlib
from dataclasses import asdict
from typing import Any

from shelflife.tracing.model import Assessment, AssessmentKind, Digest, Span, Trace, TraceState

#: Of what is searched by thousands, speed matters more than a last percent of size.
_LEVEL = 6


def pack_trace(trace: Trace) -> bytes:
    """All of the trace but its id, experiment, time and revision, which are attributes of its item."""
    assessments = [
        {name: value for name, value in asdict(said).items() if value not in (None, {})}
        for said in trace.assessments
    ]
    return _packed(
        {
            "state": trace.state,
            "home": trace.home,
            "duration": trace.duration,
            "client_request_id": trace.client_request_id,
            "request_preview": trace.request_preview,
            "response_preview": trace.response_preview,
            "metadata": dict(trace.metadata),
            "tags": dict(trace.tags),
            "assessments": assessments,
            "runs": trace.runs,
            "prompts": trace.prompts,
            "pieces": trace.pieces,
            "digests": trace.digests,
            "digested": trace.digested,
        }
    )


def unpack_trace(
    packed: Any, *, trace_id: str, experiment_id: str, request_time: int, revision: int
) -> Trace:
    known = _unpacked(packed)
    return Trace(
        trace_id=trace_id,
        experiment_id=experiment_id,
        request_time=request_time,
        revision=revision,
        **known
        | {
            "state": TraceState(known["state"]),
            "assessments": tuple(
                Assessment(**said | {"kind": AssessmentKind(said["kind"])}) for said in known["assessments"]
            ),
            "runs": tuple(known["runs"]),
            "prompts": tuple(known["prompts"]),
            "pieces": tuple(known["pieces"]),
            "digests": tuple(Digest(*digest) for digest in known["digests"]),
        },
    )


def pack_spans(spans: list[Span]) -> bytes:
    return _packed([asdict(span) for span in spans])


def unpack_spans(packed: bytes) -> list[Span]:
    return [
        Span(**known | {"events": tuple(known["events"]), "links": tuple(known["links"])})
        for known in _unpacked(packed)
    ]


def _packed(document: Any) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return zlib.compress(text.encode(errors="surrogatepass"), _LEVEL)


def _unpacked(packed: Any) -> Any:
    return json.loads(zlib.decompress(bytes(packed)).decode(errors="surrogatepass"))
