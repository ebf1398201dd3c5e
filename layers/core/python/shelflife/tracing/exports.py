"""What comes to OTLP's address: headers that say whose spans they are, and the spans."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shelflife.tracing.errors import InvalidSpansTypeError
from shelflife.tracing.model import Span
from shelflife.tracing.otlp import read_protobuf
from shelflife.tracing.otlp_json import read_json
from shelflife.tracing.service import checked_experiment

EXPERIMENT_HEADER = "x-mlflow-experiment-id"
RUN_HEADER = "x-mlflow-run-id"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_NOTHING: bytes | str = b""


@dataclass(frozen=True, slots=True)
class Sent:
    """Spans with their resources' attributes; the answer says in their own form that all were taken."""

    experiment_id: str
    run_id: str | None
    spans: list[tuple[Span, Mapping[str, Any]]]
    answer: bytes | str
    answer_type: str


def read(body: bytes, headers: Mapping[str, str]) -> Sent:
    """The export.

    Raises:
        InvalidExperimentIdError: no experiment is named.
        InvalidSpansTypeError: it is neither protobuf nor JSON.
        InvalidSpansError: it cannot be read.
    """
    experiment_id = checked_experiment(headers.get(EXPERIMENT_HEADER, ""))
    content_type = headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == PROTOBUF:
        export, answer = read_protobuf(body), _NOTHING
    elif kind == JSON:
        export, answer = read_json(body), "{}"
    else:
        raise InvalidSpansTypeError(content_type)
    pairs = list(zip(export.spans, export.resources, strict=True))
    return Sent(experiment_id, headers.get(RUN_HEADER), pairs, answer, kind)
