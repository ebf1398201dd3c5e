"""Shadow variants answer what a live one has answered already; nobody waits for them.

Each message gives one capture per shadow variant, so one that is delivered twice gives the same captures,
and a capture is stored once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from shelflife.contracts.models import Datatype, ModelVersionReference
from shelflife.kernel.errors import InvalidError, ShelflifeError
from shelflife.serving.binding import bind
from shelflife.serving.captures import LONGEST_MESSAGE, CapturedRows, CaptureRole, ShadowRequest
from shelflife.serving.errors import (
    CaptureNotTakenError,
    ModelUnusableError,
    QueueUnavailableError,
    RevisionNotFoundError,
    RevisionVariantNotFoundError,
    VersionUnknownError,
)
from shelflife.serving.ports import Deployments, Models, Versions
from shelflife.serving.spill import Fate, Queue, batches
from shelflife.serving.tensors import InferenceRequest, InputTensor, rows_of

_MILLISECONDS = 1000
#: What a shadow may do instead of an answer; anything else has nothing to do with it, and is tried again.
_FAILURES = (InvalidError, ModelUnusableError)


@dataclass(slots=True)
class Shadowed:
    """What became of the messages: those that have to come again, and why."""

    failed: dict[str, ShelflifeError] = field(default_factory=dict)
    answers: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Shadows:
    """`captures` is the queue of captures, `seconds` the clock that latencies are read from."""

    deployments: Deployments
    versions: Versions
    models: Models
    captures: Queue
    seconds: Callable[[], float]

    def answer(self, messages: Mapping[str, ShadowRequest]) -> Shadowed:
        """Let each message's shadows answer, and hand over what they say, and what they could not say."""
        shadowed = Shadowed()
        captured: list[tuple[str, str]] = []
        for message_id, request in messages.items():
            try:
                told = [_told(self._captured(request, name)) for name in request.shadows]
            except ShelflifeError as error:
                shadowed.failed[message_id] = error
                continue
            captured += [(message_id, one.text) for one in told]
            shadowed.failures += sum(one.is_failure for one in told)
            shadowed.answers += sum(not one.is_failure for one in told)
        self._hand_over(captured, shadowed)
        return shadowed

    def _captured(self, request: ShadowRequest, name: str) -> CapturedRows:
        reference = self._reference(request, name)
        began = self.seconds()
        try:
            outputs, error = self._answered(request, reference), None
        except _FAILURES as failure:
            outputs, error = {}, type(failure).__name__
        return CapturedRows(
            capture_id=request.capture_id,
            deployment=request.deployment,
            revision=request.revision,
            variant=name,
            role=CaptureRole.SHADOW,
            assigned=request.assigned,
            model_version=reference.version,
            captured_at=request.captured_at,
            latency_ms=(self.seconds() - began) * _MILLISECONDS,
            error=error,
            hidden=request.hidden,
            first_row=request.first_row,
            inputs={} if error else request.inputs,
            outputs=outputs,
            live_variant=request.variant,
            live={} if error else request.outputs,
        )

    def _answered(self, request: ShadowRequest, reference: ModelVersionReference) -> dict[str, list[Any]]:
        signature = reference.candidate.signature
        model = self.models.load(reference)
        own = {tensor.name: tensor.datatype for tensor in signature.inputs}
        # Also what the shadow does not take: whoever asked the live variant for it would be refused here.
        tensors = [_tensor(name, own.get(name), values) for name, values in request.inputs.items()]
        rows = bind(InferenceRequest(None, tensors, None), model.features)
        answered = zip(model.outputs, model.run(rows.feed), strict=True)
        return {
            tensor.name: rows_of(tensor, array)
            for tensor, array in answered
            if tensor.name not in request.hidden
        }

    def _reference(self, request: ShadowRequest, name: str) -> ModelVersionReference:
        revision = self.deployments.revision(request.deployment, request.revision)
        if revision is None:
            raise RevisionNotFoundError(request.deployment, request.revision)
        variant = revision.traffic.rule.variant(name)
        if variant is None:
            raise RevisionVariantNotFoundError(request.deployment, request.revision, name)
        known = self.versions.find(revision.model_name, variant.model_version)
        if known is None:
            raise VersionUnknownError(revision.model_name, variant.model_version)
        return known.reference

    def _hand_over(self, captured: Sequence[tuple[str, str]], shadowed: Shadowed) -> None:
        for batch in batches(captured, lambda one: len(one[1])):
            try:
                fates = self.captures.put([text for _, text in batch])
            except QueueUnavailableError as error:
                shadowed.failed |= dict.fromkeys((message_id for message_id, _ in batch), error)
                continue
            for (message_id, _), fate in zip(batch, fates, strict=True):
                if fate is not Fate.SENT:
                    shadowed.failed[message_id] = CaptureNotTakenError(message_id)


class _Told(NamedTuple):
    text: str
    is_failure: bool


def _told(rows: CapturedRows) -> _Told:
    """The message of a capture; of one that would be too long, that the shadow failed."""
    text = _text(rows)
    if len(text) > LONGEST_MESSAGE:
        nothing: dict[str, list[Any]] = {}
        failed = {"error": "AnswerTooLongError", "inputs": nothing, "outputs": nothing, "live": nothing}
        return _Told(_text(rows.model_copy(update=failed)), is_failure=True)
    return _Told(text, is_failure=rows.error is not None)


def _text(rows: CapturedRows) -> str:
    # Only ASCII, so that characters are bytes; NaN and infinities are written as Python reads them.
    return json.dumps(
        rows.model_dump() | {"captured_at": rows.captured_at.isoformat()}, separators=(",", ":")
    )


def _tensor(name: str, own: Datatype | None, values: list[Any]) -> InputTensor:
    """The values as a caller would send them; a row that has several has them in a list of its own."""
    shape = [len(values)]
    while values and isinstance(values[0], list):
        shape.append(len(values[0]))
        values = list(chain.from_iterable(values))
    return InputTensor(name, _datatype(own, values), shape, values)


def _datatype(own: Datatype | None, values: list[Any]) -> str:
    """A datatype that can hold the values: the caller's own is not known any more."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {str}:
        return "BYTES"
    if float in kinds:
        return "FP64"
    if own is None or (int in kinds and own is Datatype.BOOL):
        return "INT64"
    return own.value
