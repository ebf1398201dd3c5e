"""Predictions: one use case for every wire format and every way of asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shelflife.kernel.errors import UnavailableError
from shelflife.kernel.ids import Clock, NewId
from shelflife.serving.binding import bind
from shelflife.serving.captures import Capture
from shelflife.serving.errors import InvalidRequestError
from shelflife.serving.ports import Captures, Model, ModelCache
from shelflife.serving.served import Served, ServedModels
from shelflife.serving.tensors import InferenceRequest, Prediction, Readiness, Rows

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array


@dataclass(frozen=True, slots=True)
class Predictions:
    served: ServedModels
    models: ModelCache
    captures: Captures
    now: Clock
    new_id: NewId

    def predict(self, name: str, version: str | None, request: InferenceRequest) -> Prediction:
        """Answer the rows, and hand them over to be captured once they are answered.

        Raises:
            DeploymentNotFoundError: there is no such deployment, or it never served that version.
            DeploymentNotReadyError: it serves nothing yet.
            InvalidTensorError: the tensors do not fit the model's signature.
        """
        served = self.served.find(name, version)
        model = self.models.load(served.reference)
        rows = bind(request, model.features)
        wanted = _wanted(model, request.outputs)
        arrays = model.run(rows.feed)
        prediction_id = request.id or self.new_id()
        dropped = 0
        if served.capture.takes(prediction_id):
            dropped = self.captures.send(self._capture(prediction_id, served, rows, (model, arrays)))
        return Prediction(
            id=prediction_id,
            deployment=served.deployment,
            model_version=served.reference.version,
            revision=served.revision,
            rows=rows.row_count,
            outputs=[(model.outputs[at], arrays[at]) for at in wanted],
            captures_dropped=dropped,
        )

    def readiness(self, name: str, version: str | None) -> Readiness:
        """Whether the deployment would answer; its model is loaded, so that the next request need not wait.

        Raises:
            DeploymentNotFoundError: there is no such deployment, or it never served that version.
        """
        try:
            self.models.load(self.served.find(name, version).reference)
        except UnavailableError as error:
            return Readiness(name, ready=False, reason=str(error))
        return Readiness(name, ready=True)

    def _capture(
        self, capture_id: str, served: Served, rows: Rows, answered: "tuple[Model, list[Array]]"
    ) -> Capture:
        model, arrays = answered
        return Capture(
            capture_id=capture_id,
            deployment=served.deployment,
            revision=served.revision,
            model_version=served.reference.version,
            captured_at=self.now(),
            inputs=rows.sent,
            outputs={
                tensor.name: _per_row(array) for tensor, array in zip(model.outputs, arrays, strict=True)
            },
            row_count=rows.row_count,
        )


def _wanted(model: Model, names: list[str] | None) -> Sequence[int]:
    """Places of the outputs that were asked for, in the order asked."""
    if names is None:
        return range(len(model.outputs))
    known = [tensor.name for tensor in model.outputs]
    for name in names:
        if name not in known:
            raise InvalidRequestError("outputs", f"there is no output {name!r}, the model answers {known}")
    return [known.index(name) for name in names]


def _per_row(array: "Array") -> list[Any]:
    """One value per row, or one list of values where a row has several."""
    values: list[Any] = array.ravel().tolist() if array.size == len(array) else array.tolist()
    return values
