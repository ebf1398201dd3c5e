"""What an inference asks and answers, whatever the wire format: JSON today.

Elements come flat, in row-major order, as Python values; a decoder has checked that there are as many as
the shape says, and nothing else.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from shelflife.contracts.models import Tensor

    Array = npt.NDArray[Any]
    Feed = dict[str, npt.NDArray[np.generic]]


class InputTensor(NamedTuple):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any]


class InferenceRequest(NamedTuple):
    """`outputs` are the names that were asked for; None is all of them."""

    id: str | None
    inputs: list[InputTensor]
    outputs: list[str] | None


class Rows(NamedTuple):
    """A request's rows as a model takes them (`feed`) and as the caller sent them (`sent`)."""

    row_count: int
    feed: "Feed"
    sent: dict[str, list[Any]]


class Prediction(NamedTuple):
    """One answer, with what it was answered by."""

    id: str
    deployment: str
    variant: str
    model_version: int
    revision: int
    rows: int
    outputs: "list[tuple[Tensor, Array]]"


class Readiness(NamedTuple):
    """Whether a model can be asked now, and if not, why."""

    name: str
    ready: bool
    reason: str | None = None
