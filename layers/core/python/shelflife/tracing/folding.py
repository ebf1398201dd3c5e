"""What spans say of their trace: its time, state, previews, tokens and costs, as they come in.

Spans come in any number of exports, in any order, and more than once: twice is as good as once.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shelflife.tracing.conventions import Attribute, digest_of
from shelflife.tracing.model import NANOSECONDS, Digest, Metadata, Span, Tag, Trace, TraceState
from shelflife.tracing.previews import preview

#: Of more spans than that a trace knows no digests: its item stays small.
MOST_DIGESTS = 1000
_TAG_KEY, _TAG_VALUE = 250, 8000
_VALUE = 250
_USAGE = ("input_tokens", "output_tokens", "total_tokens")
_CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens")
_COSTS = ("input_cost", "output_cost", "total_cost")
_USERS = ("user.id",)
_SESSIONS = ("session.id", "gen_ai.conversation.id")
#: Attributes of a resource that say nothing of the trace, or would speak in our name.
_FOREIGN = ("telemetry.sdk.", "mlflow.")


@dataclass(frozen=True, slots=True)
class Batch:
    """Translated spans of one trace from one export, and their resource's attributes."""

    spans: tuple[Span, ...]
    resource: Mapping[str, Any]

    @property
    def root(self) -> Span | None:
        return next((span for span in self.spans if span.parent_id is None), None)

    @property
    def began(self) -> int:
        """Milliseconds of the earliest start."""
        return min(span.start_ns for span in self.spans) // NANOSECONDS

    @property
    def ended(self) -> int | None:
        ends = [span.end_ns for span in self.spans if span.end_ns]
        return max(ends) // NANOSECONDS if ends else None


def folded(trace: Trace, batch: Batch, known: Sequence[Digest]) -> Trace:
    """The trace with what the batch says; `known` are digests of all spans that came before it."""
    together = {digest.span_id: digest for digest in known}
    together |= {span.span_id: digest_of(span) for span in batch.spans}
    digests = tuple(together.values())
    changed = replace(
        trace,
        digests=digests[:MOST_DIGESTS],
        digested=len(digests) <= MOST_DIGESTS,
        tags={**_tags(trace, batch), Tag.SPANS: "TRACKING_STORE"},
        metadata={**trace.metadata, **_metadata(trace, batch, digests)},
    )
    if not trace.final:
        changed = _timed(changed, batch)
    root = batch.root
    if root is None:
        return changed
    return replace(
        changed,
        state=_state(changed.state, root),
        request_preview=changed.request_preview or preview(root.attributes.get(Attribute.INPUTS), "user"),
        response_preview=changed.response_preview
        or preview(root.attributes.get(Attribute.OUTPUTS), "assistant"),
    )


def usage_of(digests: Iterable[Digest]) -> dict[str, int]:
    """Tokens of all spans together; what a span's descendants say is in what it says itself."""
    return _totals(digests, "usage", _USAGE, _CACHED)


def cost_of(digests: Iterable[Digest]) -> dict[str, float]:
    return {name: float(cost) for name, cost in _totals(digests, "cost", _COSTS, ()).items()}


def _timed(trace: Trace, batch: Batch) -> Trace:
    began = min(trace.request_time, batch.began)
    ends = [trace.request_time + trace.duration] if trace.duration is not None else []
    ends += [batch.ended] if batch.ended is not None else []
    return replace(trace, request_time=began, duration=max(max(ends) - began, 0) if ends else None)


def _state(state: TraceState, root: Span) -> TraceState:
    if state not in (TraceState.IN_PROGRESS, TraceState.STATE_UNSPECIFIED):
        return state
    return TraceState.ERROR if root.status == "ERROR" else TraceState.OK


def _metadata(trace: Trace, batch: Batch, digests: Sequence[Digest]) -> dict[str, str]:
    """What spans say, but for what is known already; totals are made again unless the client told them."""
    said: dict[str, str] = {}
    for name, names in ((Metadata.SESSION, _SESSIONS), (Metadata.USER, _USERS)):
        if name not in trace.metadata and (value := _said(batch.spans, names)) is not None:
            said[name] = value[:_VALUE]
    for name, totals in ((Metadata.USAGE, usage_of(digests)), (Metadata.COST, cost_of(digests))):
        if totals and not (trace.final and name in trace.metadata):
            said[name] = json.dumps(totals)
    return said


def _said(spans: Sequence[Span], names: Sequence[str]) -> str | None:
    return next(
        (str(value) for span in spans for name in names if (value := span.attributes.get(name))), None
    )


def _tags(trace: Trace, batch: Batch) -> dict[str, str]:
    said = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in batch.resource.items()
        if not key.startswith(_FOREIGN)
    }
    if batch.root is not None:
        for key, value in batch.root.attributes.items():
            if key.startswith(Attribute.TRACE_TAG):
                said[key.removeprefix(Attribute.TRACE_TAG)] = str(value)
    fitting = {key: value[:_TAG_VALUE] for key, value in said.items() if 0 < len(key) <= _TAG_KEY}
    return {**trace.tags, **fitting}


def _totals(
    digests: Iterable[Digest], name: str, always: Sequence[str], if_any: Sequence[str]
) -> dict[str, Any]:
    by_id = {digest.span_id: digest for digest in digests}
    counted = [
        found
        for digest in by_id.values()
        if (found := getattr(digest, name)) is not None and not _below(digest, by_id, name)
    ]
    if not counted:
        return {}
    totals = {key: sum(_number(found.get(key)) for found in counted) for key in always}
    for key in if_any:
        if any(key in found for found in counted):
            totals[key] = sum(_number(found.get(key)) for found in counted)
    return totals


def _below(digest: Digest, by_id: Mapping[str, Digest], name: str) -> bool:
    """Whether a span above says it too; spans that stand above each other in a ring are none."""
    seen = {digest.span_id}
    above = by_id.get(digest.parent_id or "")
    while above is not None and above.span_id not in seen:
        if getattr(above, name) is not None:
            return True
        seen.add(above.span_id)
        above = by_id.get(above.parent_id or "")
    return False


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
