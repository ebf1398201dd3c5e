"""Models on held-out rows, by onnxruntime: the signature is checked by really running."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from shelflife.aws.objects import ObjectCorruptedError, ObjectNotFoundError, Objects
from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import Candidate, Datatype, Signature, Task, Tensor
from shelflife.validation import metrics
from shelflife.validation.errors import ModelUnrunnableError
from shelflife.validation.holdout import TARGET, Values, codes, inputs_of, numbers, read_holdout
from shelflife.validation.model import Measurement

#: Rows per run: what a model needs besides itself stays small.
_CHUNK = 8192
_ELEMENTS: Mapping[str, Datatype] = {
    "tensor(bool)": Datatype.BOOL,
    "tensor(int64)": Datatype.INT64,
    "tensor(float)": Datatype.FP32,
    "tensor(string)": Datatype.BYTES,
}
_PREDICTION, _LABEL, _PROBABILITIES = "prediction", "label", "probabilities"


@dataclass(frozen=True, slots=True)
class OnnxTrials:
    objects: Objects

    def measure(self, judged: Candidate, rows_of: Candidate) -> Measurement:
        try:
            _same_question(judged, rows_of)
            columns = read_holdout(self._read(_held_out(rows_of)))
            answers = run(self._read(judged.model), judged.signature, columns)
            found = _measured(judged, columns[TARGET], answers)
        except (ModelUnrunnableError, ObjectNotFoundError, ObjectCorruptedError) as error:
            return Measurement(problem=str(error))
        return Measurement(metrics=found, rows=len(columns[TARGET]))

    def _read(self, stored: StoredObject) -> bytes:
        return self.objects.read(stored.uri, sha256=stored.sha256)


def run(model: bytes, signature: Signature, columns: Mapping[str, Values]) -> dict[str, Values]:
    """The model's outputs for all rows.

    Raises:
        ModelUnrunnableError: it is no ONNX model, fails, or is not what the signature says.
    """
    session = _session(model)
    _check_ends("input", signature.inputs, session.get_inputs(), every=True)
    _check_ends("output", signature.outputs, session.get_outputs(), every=False)
    inputs = inputs_of(signature, columns)
    names = [tensor.name for tensor in signature.outputs]
    chunks = [_run_chunk(session, names, chunk) for chunk in _chunks(inputs)]
    outputs = {name: np.concatenate([chunk[place] for chunk in chunks]) for place, name in enumerate(names)}
    rows = len(columns[TARGET])
    for tensor in signature.outputs:
        _check_shape(tensor, outputs[tensor.name], rows)
    return outputs


def _held_out(rows_of: Candidate) -> StoredObject:
    if rows_of.holdout is None:
        raise ModelUnrunnableError("no rows were kept back from it: it was not trained here")
    return rows_of.holdout


def _same_question(judged: Candidate, rows_of: Candidate) -> None:
    asked = (judged.task, judged.target, rows_of.task, rows_of.target)
    if asked[:2] != asked[2:]:
        raise ModelUnrunnableError(
            f"it is a {judged.task} of {judged.target!r}, the rows are for a {rows_of.task} of "
            f"{rows_of.target!r}"
        )


def _session(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    # Errors alone: onnxruntime has much to say about the processors that it finds in Lambda.
    options.log_severity_level = 3
    # Otherwise a model could name a file of the function as its weights.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", "/dev/null")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise ModelUnrunnableError(f"the model cannot be loaded: {_first_line(error)}") from error


def _check_ends(end: str, said: tuple[Tensor, ...], found: Any, *, every: bool) -> None:
    kinds = {one.name: _ELEMENTS.get(one.type, one.type) for one in found}
    asked = {tensor.name: tensor.datatype for tensor in said}
    odd = sorted(name for name in asked if kinds.get(name) != asked[name])
    if every:
        odd += sorted(kinds.keys() - asked.keys())
    if odd:
        name = odd[0]
        raise ModelUnrunnableError(
            f"{end} {name!r} is {asked.get(name, 'not there')} in the signature and "
            f"{kinds.get(name, 'not there')} in the model"
        )


def _chunks(inputs: Mapping[str, Values]) -> Iterator[dict[str, Values]]:
    rows = max((len(values) for values in inputs.values()), default=0)
    for start in range(0, rows, _CHUNK):
        yield {name: values[start : start + _CHUNK] for name, values in inputs.items()}


def _run_chunk(session: Any, names: list[str], chunk: dict[str, Values]) -> list[Values]:
    try:
        return [np.asarray(output) for output in session.run(names, chunk)]
    except Exception as error:  # see _session
        raise ModelUnrunnableError(f"the model fails on the held-out rows: {_first_line(error)}") from error


def _check_shape(tensor: Tensor, found: Values, rows: int) -> None:
    expected = tuple(rows if size == -1 else size for size in tensor.shape)
    if found.shape != expected:
        raise ModelUnrunnableError(
            f"output {tensor.name!r} has shape {list(found.shape)}, expected {list(expected)}"
        )
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        row = int(np.argwhere(~np.isfinite(found))[0][0])
        raise ModelUnrunnableError(f"output {tensor.name!r} is not finite in row {row}")


def _measured(judged: Candidate, target: Values, answers: Mapping[str, Values]) -> metrics.Metrics:
    needed = [_PREDICTION] if judged.task is Task.REGRESSION else [_LABEL, _PROBABILITIES]
    missing = [name for name in needed if name not in answers]
    if missing:
        raise ModelUnrunnableError(f"the signature of a {judged.task} has no output {missing[0]!r}")
    if judged.task is Task.REGRESSION:
        return metrics.regression(numbers(target), answers[_PREDICTION].astype(np.float64).reshape(-1))
    classes, probabilities = judged.signature.classes, answers[_PROBABILITIES].astype(np.float64)
    if probabilities.shape[1:] != (len(classes),):
        raise ModelUnrunnableError(
            f"output {_PROBABILITIES!r} has shape {list(probabilities.shape)} for {len(classes)} classes"
        )
    if (probabilities < 0).any() or not (probabilities.sum(axis=1) > 0).all():
        raise ModelUnrunnableError(f"output {_PROBABILITIES!r} has a row that is no distribution")
    predicted = codes(answers[_LABEL].reshape(-1), classes)
    if (predicted < 0).any():
        odd = answers[_LABEL][int(np.argmin(predicted))]
        raise ModelUnrunnableError(f"output {_LABEL!r} is {odd!r}, which is none of the classes {classes}")
    return metrics.classification(codes(target, classes), predicted, probabilities)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:500]
