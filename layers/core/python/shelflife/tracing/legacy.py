"""Traces as clients before 3 tell them: begun, and later ended."""

from dataclasses import replace
from uuid import uuid4

from shelflife.tracing.model import Trace, TraceState
from shelflife.tracing.requests import EndTraceV2, StartTraceV2


def begun(sent: StartTraceV2) -> Trace:
    return Trace(
        trace_id=uuid4().hex,
        experiment_id=sent.experiment_id,
        request_time=sent.timestamp_ms,
        state=TraceState.IN_PROGRESS,
        metadata={pair.key: pair.value for pair in sent.request_metadata},
        tags={pair.key: pair.value for pair in sent.tags},
    )


def ended(known: Trace, sent: EndTraceV2) -> Trace:
    return replace(
        known,
        state=sent.status,
        duration=max(sent.timestamp_ms - known.request_time, 0),
        metadata={**known.metadata, **{pair.key: pair.value for pair in sent.request_metadata}},
        tags={**known.tags, **{pair.key: pair.value for pair in sent.tags}},
    )
