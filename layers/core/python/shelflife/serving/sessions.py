"""ONNX models as onnxruntime sessions. Nothing is unpickled: a file is an ONNX model, or refused."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnxruntime

from shelflife.aws.downloads import Download
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
#: Lambda gives one vCPU for this much memory, in MB.
_MB_PER_VCPU = 1769
#: Where weights outside of the model's file would be looked for: a folder that cannot be.
_NO_FOLDER = "/dev/null"
_OUTSIDE = ("External data path", "HasExternalDataInMemory")
#: What says nothing to who made the model: the error's number, our file, and a place in the library's source.
_NOISE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from \S+ failed:"
    r"|\S*/onnxruntime/\S+:\d+ .*?\) (?=[A-Z!])"
)


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


class StoredModels:
    """Models as they are stored now: each is read and tried anew, whatever was loaded before."""

    def __init__(self, objects: Objects, *, threads: int = 1) -> None:
        self._objects = objects
        self._threads = threads

    def load(self, reference: ModelVersionReference) -> OnnxModel:
        stored, signature = reference.candidate.model, reference.candidate.signature
        download = Download(self._objects.client, stored.uri, stored.sha256, stored.size_bytes)
        try:
            session = _session(download, _options(self._threads))
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


def threads_for(memory_mb: int) -> int:
    """Threads of one run in a function with that much memory: its whole vCPUs, and at least one.

    What two threads take of the time of one, on two cores (medians; a run in turn with each):
        rows          200 trees     linear pipeline     64-input MLP     1448 x 1448 product
        1             1.1 to 1.5    1.0                 1.0              0.7
        1,000         0.7           0.9                 1.1              0.5
        10,000        0.6           0.6                 0.8
    So a second core is worth its thread; a second thread without one (below 3.5 GB) never is.
    """
    return max(1, memory_mb // _MB_PER_VCPU)


class _MismatchError(Exception):
    """The file is no model, or another one than its signature says."""


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    # A thread that waits for work in a loop takes the core that the handler itself needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Otherwise a model could name a file of the function as its weights.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NO_FOLDER)
    return options


def _session(download: Download, options: Any) -> Any:
    """A session of the object; a large one goes through a file of its own, and never through Python's memory.

    onnxruntime copies the bytes it is given, and keeps them beside what it makes of them: 100 MB of weights
    take 217 MB from bytes (315 at the peak) and 113 MB from a file (212 at the peak).
    """
    if download.is_small:
        return _opened(download.content(), options)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        with file.open("w+b") as opened:
            download.save(opened)
        return _opened(str(file), options)


def _opened(model: bytes | str, options: Any) -> Any:
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's exceptions share no base
        raise _MismatchError(_reason(str(error))) from error


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


def _reason(said: str) -> str:
    """Why a file cannot be loaded: the library's first line, without places in its source."""
    if any(sign in said for sign in _OUTSIDE):
        return "its weights are outside of its file (external data): save the model as one file"
    return f"onnxruntime cannot load it: {_short(_NOISE.sub('', said))}"


def _told(error: Exception) -> str:
    """The first line of what the library says."""
    return _short(str(error)) or type(error).__name__


def _short(said: str) -> str:
    return said.strip().partition("\n")[0][:_SHOWN]
