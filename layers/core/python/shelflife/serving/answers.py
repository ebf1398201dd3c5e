"""The Open Inference Protocol's answers: JSON, and tensors that follow it as bytes."""

from collections.abc import Sequence
from itertools import repeat
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from shelflife.contracts.models import Tensor
from shelflife.serving.binary import written
from shelflife.serving.classification import classified
from shelflife.serving.oip import PLAIN, OutputForm
from shelflife.serving.tensors import Prediction

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array


class WrittenAnswer(NamedTuple):
    """Text; or bytes, of which the first `header_length` are JSON."""

    body: str | bytes
    header_length: int | None = None


def written_answer(
    prediction: Prediction,
    forms: Sequence[OutputForm] | None = None,
    default: OutputForm = PLAIN,
) -> WrittenAnswer:
    """The answer in the forms that were asked for.

    Raises:
        InvalidRequestError: an output cannot have the form asked for.
    """
    outputs: list[dict[str, Any]] = []
    follow: list[bytes] = []
    for (tensor, array), form in zip(prediction.outputs, forms or repeat(default)):  # noqa: B905 - as long as the first
        if form.classes:
            tensor, array = classified(tensor, array, form.classes, prediction.classes)  # noqa: PLW2901
        if form.binary:
            follow.append(written(array, tensor.datatype))
            outputs.append(_head(tensor, array) | {"parameters": {"binary_data_size": len(follow[-1])}})
        else:
            data = array.tolist() if array.ndim == 1 else array.ravel().tolist()
            outputs.append(_head(tensor, array) | {"data": data})
    head = _head_of(prediction, outputs)
    if not follow:
        return WrittenAnswer(head.decode())
    return WrittenAnswer(b"".join((head, *follow)), len(head))


def _head(tensor: Tensor, array: "Array") -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype.value, "shape": list(array.shape)}


def _head_of(prediction: Prediction, outputs: list[dict[str, Any]]) -> bytes:
    """The answer's JSON; numbers that JSON cannot hold are null in it."""
    return orjson.dumps(
        {
            "model_name": prediction.deployment,
            "model_version": str(prediction.model_version),
            "id": prediction.id,
            "outputs": outputs,
        }
    )


def finite(value: Any) -> Any:
    """The value, or nothing in place of a number that JSON cannot hold."""
    return None if isinstance(value, float) and not isfinite(value) else value
