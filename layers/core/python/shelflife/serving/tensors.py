"""What an inference asks and answers, whatever the wire format.

Elements come flat, in row-major order: as a list of Python values (JSON), or as an array of the datatype's
own type (binary). A decoder has checked that there are as many as the shape says, and nothing else.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from shelflife.contracts.models import Tensor
    from shelflife.serving.features import Features

    Array = npt.NDArray[Any]
    Feed = dict[str, npt.NDArray[np.generic]]


class InputTensor(NamedTuple):
    name: str
    datatype: str
    shape: list[int]
    data: "list[Any] | Array"


class InferenceRequest(NamedTuple):
    """`outputs` are the names that were asked for; None is all of them."""

    id: str | None
    inputs: list[InputTensor]
    outputs: list[str] | None


class Rows(NamedTuple):
    """A request's rows as a model takes them (`feed`) and as the caller sent them (`tensors`).

    `is_matrix` is whether all features came as one tensor.
    """

    row_count: int
    feed: "Feed"
    tensors: list[InputTensor]
    features: "Features"
    is_matrix: bool = False

    @property
    def sent(self) -> dict[str, list[Any]]:
        """The values by feature, one per row; made only when asked for, which is when they are captured."""
        if not self.is_matrix:
            return {
                tensor.name: per_row(
                    tensor.data, tensor.shape, nested=not self.features[tensor.name].is_column
                )
                for tensor in self.tensors
            }
        data = self.tensors[0].data
        values = data if isinstance(data, list) else data.tolist()
        return {name: values[at :: len(self.features)] for at, name in enumerate(self.features)}


class Prediction(NamedTuple):
    """One answer, with what it was answered by.

    `classes` are those of a classification, in the order of its probabilities. `bind_ns` and `run_ns` are
    what it took to make the model's input of the request, and to run the model. `is_repeated` is whether the
    model was not run, for the answer was kept; None where answers are not kept.
    """

    id: str
    deployment: str
    variant: str
    model_version: int
    revision: int
    rows: int
    outputs: "list[tuple[Tensor, Array]]"
    latency_ms: float
    classes: tuple[str, ...] = ()
    bind_ns: int = 0
    run_ns: int = 0
    is_repeated: bool | None = None


class Readiness(NamedTuple):
    """Whether a model can be asked now, and if not, why."""

    name: str
    ready: bool
    reason: str | None = None


def rows_of(tensor: "Tensor", array: "Array") -> list[Any]:
    """An answer as one value per row, or one list of values where the tensor has several."""
    return per_row(array.ravel(), array.shape, nested=tensor.shape[1:] not in {(), (1,)})


def per_row(data: "list[Any] | Array", shape: Sequence[int], *, nested: bool) -> list[Any]:
    """One value per row of flat data, or one list of values, nested as the shape is."""
    values: list[Any] = data if isinstance(data, list) else data.tolist()
    if nested:
        for size in reversed(shape[1:]):
            values = [values[at : at + size] for at in range(0, len(values), size)]
    return values
