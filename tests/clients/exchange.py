"""What a test and a script in a client's environment tell each other: cases in, one line per check out.

The test writes `Given` as JSON to the script's standard input. The script answers every check with one line
of JSON. Tensors travel as the base64 of their bytes, so that nothing is lost on the way.
"""

import base64
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
Check = Callable[["Given"], None]

#: numpy's types of the protocol's datatypes; a text is an object.
DTYPES: Final[Mapping[str, str]] = {
    "BOOL": "bool",
    **{f"{kind}{bits}": f"{kind.lower()}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64)},
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
DATATYPES: Final = {dtype: datatype for datatype, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Case:
    """A deployment with inputs, and what onnxruntime itself answers to them with the same model's bytes."""

    deployment: str
    inputs: Arrays
    outputs: Arrays
    #: Of inputs and outputs: datatype and shape, in the order of the model's signature.
    signature: Mapping[str, Mapping[str, tuple[str, tuple[int, ...]]]]
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    api_url: str
    token: str
    cases: Mapping[str, Case]

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Outcome:
    """How a check ended; a failure tells its traceback."""

    check: str
    seconds: float
    failure: str | None = None


class Checks:
    """The checks of a script, by name, in the order in which they were written."""

    def __init__(self) -> None:
        self._named: dict[str, Check] = {}

    def __call__(self, check: Check) -> Check:
        self._named[check.__name__] = check
        return check

    def run(self) -> None:
        """Read what is given, and tell every check's outcome as soon as it is known."""
        given = read(sys.stdin.read())
        for name, check in self._named.items():
            began = time.perf_counter()
            failure = None
            try:
                check(given)
            except Exception:  # noqa: BLE001 - whatever it is, the test of this check tells it
                failure = traceback.format_exc()
            outcome = Outcome(name, round(time.perf_counter() - began, 3), failure)
            print(json.dumps(asdict(outcome)), flush=True)  # noqa: T201 - its answer


def written(given: Given) -> str:
    cases = {
        name: asdict(case) | {"inputs": _packed_all(case.inputs), "outputs": _packed_all(case.outputs)}
        for name, case in given.cases.items()
    }
    return json.dumps({"api_url": given.api_url, "token": given.token, "cases": cases})


def outcomes_of(told: str) -> list[Outcome]:
    return [Outcome(**json.loads(line)) for line in told.splitlines()]


def read(text: str) -> Given:
    told = json.loads(text)
    cases = {
        name: Case(**case | {kind: _unpacked_all(case[kind]) for kind in ("inputs", "outputs")})
        for name, case in told["cases"].items()
    }
    return Given(told["api_url"], told["token"], cases)


def datatype_of(array: Array) -> str:
    return DATATYPES[array.dtype.name]


def same(got: Array | None, wanted: Array) -> None:
    """Assert that the arrays are equal to the last bit, where any NaN is as good as another."""
    assert got is not None, "the output is not there"
    assert got.shape == wanted.shape, f"shape {got.shape}, expected {wanted.shape}"
    assert got.dtype.kind == wanted.dtype.kind, f"{got.dtype}, expected {wanted.dtype}"
    if wanted.dtype.kind == "O":
        assert _texts(got) == _texts(wanted)
        return
    assert got.dtype == wanted.dtype, f"{got.dtype}, expected {wanted.dtype}"
    assert _bits(got) == _bits(wanted), f"{got!r}, expected {wanted!r}"


def _bits(array: Array) -> bytes:
    """Also told apart: zero and its negative."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    return array.tobytes()


def _texts(array: Array) -> list[bytes]:
    return [text if isinstance(text, bytes) else str(text).encode() for text in array.ravel()]


def _packed_all(arrays: Arrays) -> dict[str, Any]:
    return {name: _packed(array) for name, array in arrays.items()}


def _unpacked_all(told: Mapping[str, Any]) -> Arrays:
    return {name: _unpacked(one) for name, one in told.items()}


def _packed(array: Array) -> dict[str, Any]:
    if array.dtype.kind == "O":
        data: Any = [base64.b64encode(text).decode() for text in _texts(array)]
    else:
        data = base64.b64encode(array.tobytes()).decode()
    return {"datatype": datatype_of(array), "shape": array.shape, "data": data}


def _unpacked(told: Mapping[str, Any]) -> Array:
    if told["datatype"] == "BYTES":
        texts = np.array([base64.b64decode(text) for text in told["data"]], dtype=object)
        return texts.reshape(told["shape"])
    content = base64.b64decode(told["data"])
    return np.frombuffer(content, DTYPES[told["datatype"]]).reshape(told["shape"])
