"""The rows held back from a training: `holdout.npz`, one array per feature and one called `target`."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from shelflife.contracts.models import Datatype, Signature, Tensor
from shelflife.validation.errors import ModelUnrunnableError

Values = npt.NDArray[Any]
TARGET = "target"
_ZIP = b"PK"

_DTYPES: Mapping[Datatype, type] = {
    Datatype.BOOL: np.bool_,
    Datatype.INT64: np.int64,
    Datatype.FP32: np.float32,
    Datatype.BYTES: np.object_,
}


def read_holdout(body: bytes) -> dict[str, Values]:
    """The columns, each of shape [rows]; nothing is unpickled.

    Raises:
        ModelUnrunnableError: it is no such file, or its columns do not fit together.
    """
    # Of anything else numpy would make something else, such as one array.
    if not body.startswith(_ZIP):
        raise ModelUnrunnableError("the held-out rows cannot be read: they are no npz file")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ModelUnrunnableError(f"the held-out rows cannot be read: {error}") from error
    if TARGET not in columns:
        raise ModelUnrunnableError(f"the held-out rows have no column {TARGET!r}")
    shapes = {name: values.shape for name, values in columns.items()}
    rows = len(columns[TARGET]) if shapes[TARGET] else 0
    odd = sorted(name for name, shape in shapes.items() if shape not in {(rows,), (rows, 1)})
    if odd or not rows:
        raise ModelUnrunnableError(
            f"the held-out rows have {rows} targets, and columns of other lengths: {odd}"
        )
    return {name: values.reshape(rows) for name, values in columns.items()}


def inputs_of(signature: Signature, columns: Mapping[str, Values]) -> dict[str, Values]:
    """The input tensors, each of shape [rows, 1].

    Raises:
        ModelUnrunnableError: a feature is not among the columns, or not of its type.
    """
    return {tensor.name: _input(tensor, columns) for tensor in signature.inputs}


def numbers(target: Values) -> npt.NDArray[np.float64]:
    """The target of a regression.

    Raises:
        ModelUnrunnableError: a value is missing or no number.
    """
    try:
        values = target.astype(np.float64)
    except ValueError as error:
        raise ModelUnrunnableError(f"the held-out target is not a number everywhere: {error}") from error
    odd = np.flatnonzero(~np.isfinite(values))
    if odd.size:
        raise ModelUnrunnableError(f"the held-out target is {values[odd[0]]} in row {odd[0]}")
    return values


def codes(labels: Values, classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The place of each label among the classes; -1 if it is none of them."""
    place = {name: code for code, name in enumerate(classes)}
    return np.asarray([_place(label, place) for label in labels.tolist()], dtype=np.int64)


def _place(label: Any, place: Mapping[str, int]) -> int:
    """A label is the class of its text; numbers and truths have more than one text."""
    texts = [str(label)]
    if isinstance(label, bytes):
        texts = [label.decode()]
    elif isinstance(label, bool):
        texts += [str(label).lower(), str(int(label))]
    elif isinstance(label, float) and label.is_integer():
        texts.append(str(int(label)))
    elif isinstance(label, int):
        texts.append(str(float(label)))
    return next((place[text] for text in texts if text in place), -1)


def _input(tensor: Tensor, columns: Mapping[str, Values]) -> Values:
    if tensor.name not in columns:
        raise ModelUnrunnableError(f"the held-out rows have no column {tensor.name!r}")
    if tensor.name == TARGET:
        raise ModelUnrunnableError(
            f"a feature is called {TARGET!r}, as the column of the held-out targets is"
        )
    try:
        values: Values = columns[tensor.name].astype(_DTYPES[tensor.datatype])
    except ValueError as error:
        raise ModelUnrunnableError(
            f"held-out column {tensor.name!r} is not {tensor.datatype}: {error}"
        ) from error
    return values.reshape(-1, 1)
