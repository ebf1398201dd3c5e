"""What decoding costs in time and memory up to the limit of a body: both must grow with it, and no faster."""

import json
import tracemalloc
from functools import partial

import numpy as np

from shelflife.contracts.models import Datatype, Tensor
from shelflife.entry.encodings import BODY_LIMIT
from shelflife.serving.binary import written
from shelflife.serving.binding import bind
from shelflife.serving.features import DTYPES, Features, features_of
from shelflife.serving.oip import read_request
from tests.bench.measure import Figure, median

_WIDTH = 64
_RUNS = 5
#: Times as large as the body, with the body. A number of a digit or two is an object of Python's in JSON's
#: list, several times as long as its text: that is bounded by the body's limit, and told apart.
_MEMORY_BUDGET = 4.0
_SHORT_NUMBERS_BUDGET = 8.0
#: The time of a body, over twice that of half of it; noise included.
_GROWTH_BUDGET = 1.5

_Request = tuple[bytes, dict[str, str]]


def run() -> list[Figure]:
    figures: list[Figure] = []
    for name, datatype, make in (
        ("FP32 as bytes", Datatype.FP32, _in_bytes),
        ("FP64 as bytes for FP32", Datatype.FP64, _in_bytes),
        ("texts as bytes", Datatype.BYTES, _in_bytes),
        ("17 digits as JSON", Datatype.FP64, _in_json),
        ("7 digits as JSON", Datatype.FP32, _in_json),
        ("one digit as JSON", Datatype.INT8, _in_json),
    ):
        target = Datatype.BYTES if datatype is Datatype.BYTES else Datatype.FP32
        features = features_of([Tensor(name="x", datatype=target, shape=(-1, _WIDTH))])
        budget = (
            _SHORT_NUMBERS_BUDGET if make is _in_json and datatype is not Datatype.FP64 else _MEMORY_BUDGET
        )
        figures += _figures(
            name, [make(datatype, size) for size in (BODY_LIMIT // 2, BODY_LIMIT)], features, budget
        )
    return figures


def _figures(name: str, requests: list[_Request], features: Features, budget: float) -> list[Figure]:
    small, large = (median(partial(_decode, one, features), _RUNS) for one in requests)
    return [
        Figure(f"{name}: 6 MB", large * 1000, "ms", runs=_RUNS),
        Figure(f"{name}: over twice the half", large / small / 2, "x", budget=_GROWTH_BUDGET, runs=_RUNS),
        Figure(f"{name}: memory, with the body", _memory(requests[1], features), "x", budget=budget),
    ]


def _decode(request: _Request, features: Features) -> None:
    bind(read_request(*request).request, features)


def _memory(request: _Request, features: Features) -> float:
    """Peak of what decoding holds, the body itself included."""
    tracemalloc.start()
    try:
        _decode(request, features)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return 1 + peak / len(request[0])


def _in_bytes(datatype: Datatype, size: int) -> _Request:
    if datatype is Datatype.BYTES:
        text = "a category, of some length"
        rows = size // ((len(text) + 4) * _WIDTH)
        values = np.full((rows, _WIDTH), text, dtype=object)
    else:
        rows = size // (DTYPES[datatype].itemsize * _WIDTH) - 1
        values = np.random.default_rng(1).normal(size=(rows, _WIDTH))
    content = written(values, datatype)
    parameters = {"binary_data_size": len(content)}
    one = {"name": "x", "shape": [rows, _WIDTH], "datatype": datatype, "parameters": parameters}
    head = json.dumps({"inputs": [one]}).encode()
    return head + content, {"inference-header-content-length": str(len(head))}


def _in_json(datatype: Datatype, size: int) -> _Request:
    made = np.random.default_rng(1).uniform(size=size // 4)
    values = {
        Datatype.FP64: made.tolist(),
        Datatype.FP32: made.round(7).tolist(),
        Datatype.INT8: (made * 10).astype(int).tolist(),
    }[datatype]
    letters = len(json.dumps(values[:1000], separators=(",", ":"))) / 1000
    rows = int((size - 200) / letters / _WIDTH)
    rows = min(rows, len(values) // _WIDTH)
    one = {"name": "x", "shape": [rows, _WIDTH], "datatype": datatype, "data": values[: rows * _WIDTH]}
    return json.dumps({"inputs": [one]}, separators=(",", ":")).encode(), {}
