"""ONNX models as onnxruntime sessions, kept by the digest of their bytes."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import onnxruntime

from shelflife.aws.objects import ObjectCorruptedError, ObjectNotFoundError, Objects
from shelflife.contracts.models import Datatype, ModelVersionReference, Signature, Tensor
from shelflife.serving.errors import ModelFailedError, ModelUnusableError
from shelflife.serving.features import example_of, features_of

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array, Feed

_ONNX_TYPE = {
    Datatype.BOOL: "tensor(bool)",
    Datatype.UINT8: "tensor(uint8)",
    Datatype.UINT16: "tensor(uint16)",
    Datatype.UINT32: "tensor(uint32)",
    Datatype.UINT64: "tensor(uint64)",
    Datatype.INT8: "tensor(int8)",
    Datatype.INT16: "tensor(int16)",
    Datatype.INT32: "tensor(int32)",
    Datatype.INT64: "tensor(int64)",
    Datatype.FP16: "tensor(float16)",
    Datatype.FP32: "tensor(float)",
    Datatype.FP64: "tensor(double)",
    Datatype.BYTES: "tensor(string)",
}
_ERRORS_ONLY = 3
_SHOWN = 300


class OnnxModel:
    """A session with its signature."""

    __slots__ = ("_names", "_session", "features", "outputs")

    def __init__(self, session: Any, signature: Signature) -> None:
        self._session = session
        self.features = features_of(signature.inputs)
        self.outputs = signature.outputs
        self._names = [tensor.name for tensor in signature.outputs]

    def run(self, feed: "Feed") -> "list[Array]":
        try:
            answered: list[Array] = self._session.run(self._names, feed)
        except Exception as error:  # the library's exceptions share no base
            raise ModelFailedError(_told(error)) from error
        return answered


class OnnxModels:
    """Sessions of the models used last, as long as their files' sizes fit into the budget."""

    def __init__(self, objects: Objects, budget_bytes: int) -> None:
        self._objects = objects
        self._budget = budget_bytes
        self._kept: OrderedDict[str, tuple[OnnxModel, int]] = OrderedDict()

    def load(self, reference: ModelVersionReference) -> OnnxModel:
        digest = reference.candidate.model.sha256
        kept = self._kept.get(digest)
        if kept is None:
            kept = (self._made(reference), reference.candidate.model.size_bytes)
            self._kept[digest] = kept
            self._forget_the_oldest()
        else:
            self._kept.move_to_end(digest)
        return kept[0]

    def forget(self, reference: ModelVersionReference) -> None:
        self._kept.pop(reference.candidate.model.sha256, None)

    def _forget_the_oldest(self) -> None:
        while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > self._budget:
            self._kept.popitem(last=False)

    def _made(self, reference: ModelVersionReference) -> OnnxModel:
        stored, signature = reference.candidate.model, reference.candidate.signature
        try:
            session = _session(self._objects.read(stored.uri, sha256=stored.sha256))
            for what, given, asked in (
                ("input", session.get_inputs(), signature.inputs),
                ("output", session.get_outputs(), signature.outputs),
            ):
                _check(what, given, asked)
            model = OnnxModel(session, signature)
            # The first run allocates what later ones use, and shows whether the model can answer at all.
            model.run(example_of(model.features))
        except (ObjectNotFoundError, ObjectCorruptedError, ModelFailedError, _MismatchError) as error:
            raise ModelUnusableError(reference.model_name, reference.version, str(error)) from error
        return model


class StoredModels:
    """Models as they are stored now: each is read and tried anew, whatever was loaded before."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def load(self, reference: ModelVersionReference) -> OnnxModel:
        return OnnxModels(self._objects, budget_bytes=0).load(reference)


class _MismatchError(Exception):
    """The file is no model, or another one than its signature says."""


def _session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    # One thread: a request has few rows, and Lambda gives less than two cores below 3.5 GB.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        message = f"onnxruntime cannot load it: {_told(error)}"
        raise _MismatchError(message) from error


def _check(what: str, given: Sequence[Any], asked: Sequence[Tensor]) -> None:
    """The file has what the signature says. A surplus output is not asked for; an input has to be given."""
    found = {one.name: one.type for one in given}
    for tensor in asked:
        expected = _ONNX_TYPE[tensor.datatype]
        if found.get(tensor.name) != expected:
            has = found.get(tensor.name, "nothing")
            message = f"its signature's {what} {tensor.name!r} is {expected}, the file has {has}"
            raise _MismatchError(message)
    surplus = sorted(found.keys() - {tensor.name for tensor in asked})
    if surplus and what == "input":
        message = f"the file asks for inputs {surplus} that its signature does not have"
        raise _MismatchError(message)


def _told(error: Exception) -> str:
    """The first line of what the library says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:_SHOWN]
