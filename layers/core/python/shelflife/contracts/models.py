"""What a trained model is to those who judge, register, serve and watch it."""

from enum import StrEnum

from shelflife.contracts.data import StoredObject
from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model
from shelflife.kernel.shapes import RowsShape


class Task(StrEnum):
    REGRESSION = "regression"
    CLASSIFICATION = "classification"


class Datatype(StrEnum):
    """Tensor element types of the Open Inference Protocol."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"


class Tensor(Model):
    """A named tensor; the first size of its shape is the number of rows, and always -1.

    Another -1 is a size that a request chooses.
    """

    name: str
    datatype: Datatype
    shape: RowsShape


class Signature(Model):
    """What a model takes and answers.

    Of a model that was trained here, every feature is one input tensor of shape [-1, 1]; a regression
    answers `prediction` (FP32, [-1, 1]), a classification `label` (INT64 or BYTES, [-1]) and
    `probabilities` (FP32, [-1, number of classes], in the order of `classes`).
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    classes: tuple[str, ...] = ()


class DatasetReference(Model):
    name: Name
    version: int


class Candidate(Model):
    """A trained model with all that is needed to judge, serve and watch it.

    `model` is ONNX, `baseline` the profile of the rows that it was trained on (kernel/profiles.py),
    `holdout` the rows kept back from it (`holdout.npz`, one array per feature and `target`), in the order
    of the split. `metrics` were measured on the held-out rows. What an MLflow client registered has neither
    baseline, rows, dataset nor metrics, and no target: only its graph is known.
    """

    model_name: Name
    task: Task
    target: str
    signature: Signature
    model: StoredObject
    baseline: StoredObject | None
    holdout: StoredObject | None
    metrics: dict[str, float]
    run_id: str
    job_id: str
    dataset: DatasetReference | None


class ModelVersionReference(Model):
    model_name: Name
    version: int
    candidate: Candidate
