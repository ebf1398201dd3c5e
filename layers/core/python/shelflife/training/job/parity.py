"""Whether the ONNX model answers what the trained model answers: on every row, not on a sample.

Regression: ``|a - b| <= 1e-4 * max(1, |a|)``. Classification: probabilities within 1e-4 and equal
labels; where the trained model's own probabilities tie (they differ by less than two parts of
export.TIE_PARTS), 32-bit floats cannot tell the labels apart, and either will do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from shelflife.contracts.models import Task
from shelflife.training.job.errors import ParityError
from shelflife.training.job.export import TIE_PARTS
from shelflife.training.job.pipeline import Fitted
from shelflife.training.job.rows import Rows

Array = npt.NDArray[Any]

BOUND = 1e-4
_TIE = 2 / TIE_PARTS
_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Exported:
    """An ONNX model, as serving will run it."""

    session: Any
    task: Task

    @classmethod
    def load(cls, model: bytes, task: Task) -> "Exported":
        options = onnxruntime.SessionOptions()
        # One thread adds up in one order: the same rows give the same bytes.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        return cls(onnxruntime.InferenceSession(model, options, providers=providers), task)

    def predict(self, rows: Rows) -> Array:
        """A regression's answers, one per row."""
        return np.concatenate([answers[0].ravel() for answers in self._answers(rows, ["prediction"])])

    def classify(self, rows: Rows) -> tuple[Array, Array]:
        """Labels and probabilities."""
        answers = list(self._answers(rows, ["label", "probabilities"]))
        labels = np.concatenate([answer[0] for answer in answers])
        return labels, np.concatenate([answer[1] for answer in answers])

    def _answers(self, rows: Rows, outputs: list[str]) -> Iterator[list[Array]]:
        for start in range(0, len(rows), _BATCH):
            some = slice(start, start + _BATCH)
            feeds = {name: values[some, None] for name, values in (rows.numeric | rows.categorical).items()}
            yield self.session.run(outputs, feeds)


def largest_difference(fitted: Fitted, exported: Exported, rows: Rows) -> float:
    """The largest difference on these rows: relative to the answer where that exceeds 1, else absolute.

    Raises:
        ParityError: a row is beyond the bound.
    """
    if exported.task is Task.REGRESSION:
        return _regression(fitted.predict(rows), exported.predict(rows), rows)
    return _classification(fitted, exported, rows)


def _regression(trained: Array, answered: Array, rows: Rows) -> float:
    difference = np.abs(trained - answered) / np.maximum(1.0, np.abs(trained))
    worst = _worst(difference)
    if not difference[worst] <= BOUND:
        raise ParityError(int(rows.numbers[worst]), "prediction", trained[worst], answered[worst])
    return float(difference[worst])


def _classification(fitted: Fitted, exported: Exported, rows: Rows) -> float:
    labels, probabilities = fitted.classify(rows)
    answered_labels, answered = exported.classify(rows)
    difference = np.abs(probabilities - answered).max(axis=1)
    worst = _worst(difference)
    if not difference[worst] <= BOUND:
        raise ParityError(int(rows.numbers[worst]), "probabilities", probabilities[worst], answered[worst])
    place = {label: column for column, label in enumerate(fitted.classes)}
    for row in np.flatnonzero(labels != answered_labels):
        chosen = probabilities[row, place[answered_labels[row]]]
        if probabilities[row].max() - chosen > _TIE:
            raise ParityError(int(rows.numbers[row]), "label", labels[row], answered_labels[row])
    return float(difference[worst])


def _worst(difference: Array) -> int:
    # NaN is worse than any number, and argmax finds it first.
    return int(np.argmax(difference))
