"""Predictions: one use case for every wire format and every way of asking."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING

from shelflife.kernel.errors import InvalidError, UnavailableError, count_for
from shelflife.kernel.ids import Clock, NewId
from shelflife.serving.answer_keys import key_of
from shelflife.serving.binding import bind
from shelflife.serving.capture_ports import Captures
from shelflife.serving.captures import Capture
from shelflife.serving.errors import InvalidRequestError, ModelFailedError
from shelflife.serving.model import is_sampled
from shelflife.serving.ports import Answers, Model, ModelCache
from shelflife.serving.served import EVERYBODY, Routing, Served, ServedModels
from shelflife.serving.tensors import InferenceRequest, Prediction, Readiness, Rows, rows_of

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array, Feed


@dataclass(frozen=True, slots=True)
class Predictions:
    """`now` is the time of day, `seconds` the clock that latencies are read from.

    `answers` are kept for the deployments that say so.
    """

    served: ServedModels
    models: ModelCache
    captures: Captures
    now: Clock
    seconds: Callable[[], float]
    new_id: NewId
    answers: Answers | None = None

    def predict(self, name: str, request: InferenceRequest, routing: Routing = EVERYBODY) -> Prediction:
        """Answer the rows, and hand them over to be captured once they are answered.

        A request that cannot be answered is captured too: it counts for whoever should have answered it.

        Raises:
            DeploymentNotFoundError: there is no such deployment, or it never served that version.
            DeploymentNotReadyError: it serves nothing yet.
            VariantNotFoundError: it has no live variant of that name.
            InvalidTensorError: the tensors do not fit the model's signature.
        """
        served = self.served.find(name, routing)
        began = self.seconds()
        try:
            model = self.models.load(served.reference)
            loaded = perf_counter_ns()
            rows = bind(request, model.features)
            wanted = _wanted(model, request.outputs)
            bound = perf_counter_ns()
            is_repeated = None
            if served.cache is None:
                arrays = model.run(rows.feed)
            else:
                arrays, is_repeated = self._answered(served, model, rows.feed)
            ran = perf_counter_ns()
        except Exception as error:
            self._failed(served, request, error, began)
            raise
        latency_ms = (self.seconds() - began) * 1000
        prediction_id = request.id or self.new_id()
        capture = self._capture(prediction_id, served, rows, (model, arrays), latency_ms)
        self._hand_over(capture, served, model)
        return Prediction(
            id=prediction_id,
            deployment=served.deployment,
            variant=served.variant,
            model_version=served.reference.version,
            revision=served.revision,
            rows=rows.row_count,
            outputs=[(model.outputs[at], arrays[at]) for at in wanted],
            latency_ms=latency_ms,
            classes=served.reference.candidate.signature.classes,
            bind_ns=bound - loaded,
            run_ns=ran - bound,
            is_repeated=is_repeated,
        )

    def readiness(self, name: str, version: str | None) -> Readiness:
        """Whether the deployment would answer; its models are loaded, so that the next request need not wait.

        Raises:
            DeploymentNotFoundError: there is no such deployment, or it never served that version.
        """
        try:
            asked = [self.served.find(name, Routing(version=version))] if version else self.served.live(name)
            for served in asked:
                self.models.load(served.reference)
        except UnavailableError as error:
            return Readiness(name, ready=False, reason=str(error))
        return Readiness(name, ready=True)

    def _answered(self, served: Served, model: Model, feed: "Feed") -> "tuple[list[Array], bool | None]":
        """The model's answer, and whether it was kept."""
        if self.answers is None or served.cache is None:
            return model.run(feed), None
        key = key_of(served.reference.candidate.model.sha256, feed, model.features)
        kept = self.answers.find(key)
        if kept is not None:
            return kept, True
        arrays = model.run(feed)
        self.answers.keep(key, arrays, served.cache.ttl_seconds)
        return arrays, False

    def _hand_over(self, capture: Capture, served: Served, model: Model) -> None:
        policy = served.capture
        if policy.takes(capture.capture_id):
            self.captures.send(capture)
        # A shadow needs every feature, and what is masked never leaves the process.
        if served.shadows and not any(map(policy.masks, model.features)):
            seen_by = [
                shadow.name
                for shadow in served.shadows
                if is_sampled(f"{shadow.name}#{capture.capture_id}", shadow.sampling_rate)
            ]
            if seen_by:
                self.captures.send_to_shadows(capture, seen_by)

    def _failed(self, served: Served, request: InferenceRequest, error: Exception, began: float) -> None:
        refused = _is_refusal(error)
        if not refused:
            count_for(error, deployment=served.deployment, variant=served.variant)
        capture_id = request.id or self.new_id()
        if served.capture.takes(capture_id):
            self.captures.send(
                Capture(
                    served=served,
                    capture_id=capture_id,
                    captured_at=self.now(),
                    latency_ms=(self.seconds() - began) * 1000,
                    error=type(error).__name__,
                    refused=refused,
                )
            )

    def _capture(
        self,
        capture_id: str,
        served: Served,
        rows: Rows,
        answered: "tuple[Model, list[Array]]",
        latency_ms: float,
    ) -> Capture:
        model, arrays = answered
        return Capture(
            served=served,
            capture_id=capture_id,
            captured_at=self.now(),
            latency_ms=latency_ms,
            inputs=lambda: rows.sent,
            outputs=lambda: {
                tensor.name: rows_of(tensor, array)
                for tensor, array in zip(model.outputs, arrays, strict=True)
            },
            row_count=rows.row_count,
        )


def _is_refusal(error: Exception) -> bool:
    """Whether what was asked is to blame, and not the version that was to answer."""
    return isinstance(error, InvalidError) and not isinstance(error, ModelFailedError)


def _wanted(model: Model, names: list[str] | None) -> Sequence[int]:
    """Places of the outputs that were asked for, in the order asked."""
    if names is None:
        return range(len(model.outputs))
    known = [tensor.name for tensor in model.outputs]
    for name in names:
        if name not in known:
            raise InvalidRequestError("outputs", f"there is no output {name!r}, the model answers {known}")
    return [known.index(name) for name in names]
