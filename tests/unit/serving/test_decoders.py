"""Both decoders under whatever may come: a refusal that names what is wrong, or exactly what was sent."""

import json
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from shelflife.contracts.models import Datatype, Tensor
from shelflife.entry.encodings import decoded, encoded
from shelflife.kernel.errors import InvalidError
from shelflife.serving.answers import WrittenAnswer
from shelflife.serving.binary import BinaryTensors, written
from shelflife.serving.features import DTYPES
from shelflife.serving.oip import read_request
from tests.fakes.onnx_models import echoing, input_of
from tests.fakes.predicting import ServedWorld, binary_request

NUMERIC = [datatype for datatype in Datatype if datatype is not Datatype.BYTES]
MUTATIONS = 3000
#: A message names the tensor and the expected form; what was sent is never written out whole.
LONGEST_MESSAGE = 600

FEATURES = (
    input_of("a"),
    input_of("b", Datatype.INT8),
    input_of("c", Datatype.BOOL),
    input_of("d", Datatype.BYTES),
    Tensor(name="e", datatype=Datatype.FP16, shape=(-1, 2, 2)),
)
WORLD = ServedWorld(echoing(*FEATURES), sampling_rate=0.5)


def valid_requests() -> list[tuple[bytes, dict[str, str]]]:
    values: dict[str, tuple[str, Any]] = {
        "a": ("FP64", np.array([1.5, -2.0])),
        "b": ("INT64", np.array([1, -128])),
        "c": ("BOOL", np.array([True, False])),
        "d": ("BYTES", np.array(["winter", "größe"], dtype=object)),
        "e": ("FP16", np.ones((2, 2, 2), dtype=np.float16)),
    }
    as_bytes = binary_request(values, id="7", parameters={"binary_data_output": True})
    inputs = [
        {"name": name, "datatype": datatype, "shape": list(array.shape), "data": array.tolist()}
        for name, (datatype, array) in values.items()
    ]
    outputs = [{"name": "a_out", "parameters": {"binary_data": True}}, {"name": "e_out"}]
    as_json = json.dumps({"inputs": inputs, "outputs": outputs}, ensure_ascii=False).encode()
    return [as_bytes, (as_json, {})]


def refusal_of(work: Callable[[], object]) -> InvalidError | None:
    """What the work was refused with, if it was; anything else that it raises is a fault."""
    try:
        work()
    except InvalidError as error:
        return error
    return None


def is_in_words(refusal: InvalidError | None) -> bool:
    return refusal is None or (0 < len(str(refusal)) < LONGEST_MESSAGE and bool(refusal.faults))


def spoiled(request: tuple[bytes, dict[str, str]], chance: random.Random) -> tuple[bytes, dict[str, str]]:
    """One or a few bytes, a span, a number or the header changed."""
    raw, headers = bytearray(request[0]), dict(request[1])
    for _ in range(chance.randint(1, 4)):
        chance.choice(MUTATORS)(raw, chance)
        raw = raw or bytearray(b"{")
    if headers and chance.random() < 0.2:
        headers["inference-header-content-length"] = str(chance.randrange(-1, len(raw) + 2))
    return bytes(raw), headers


def change_a_byte(raw: bytearray, chance: random.Random) -> None:
    raw[chance.randrange(len(raw))] = chance.randrange(256)


def drop_a_span(raw: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(raw))
    del raw[at : at + chance.randrange(1, 20)]


def repeat_a_span(raw: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(raw))
    raw[at:at] = raw[at : at + chance.randrange(1, 20)]


def change_a_number(raw: bytearray, chance: random.Random) -> None:
    digits = [at for at, byte in enumerate(raw) if chr(byte).isdigit()]
    if digits:
        at = chance.choice(digits)
        numbers = [b"-1", b"0", b"1e999", b"null", b"9" * 30, b"[1]", b"true", b'"x"']
        raw[at : at + 1] = chance.choice(numbers)


def change_a_word(raw: bytearray, chance: random.Random) -> None:
    words = [b"FP64", b"INT64", b"BOOL", b"BYTES", b"FP16", b"UINT8", b'"data"', b'"shape"', b"[", b"]"]
    raw[:] = raw.replace(chance.choice(words), chance.choice(words), 1)


MUTATORS = (change_a_byte, drop_a_span, repeat_a_span, change_a_number, change_a_word)


@pytest.mark.parametrize("which", [0, 1], ids=["bytes", "json"])
def test_a_spoiled_request_is_answered_or_refused_in_words(which: int) -> None:
    chance = random.Random(which)  # noqa: S311 - the same mutations every time
    request = valid_requests()[which]
    WORLD.protocol.infer("bikes", *request)
    refused = 0
    for _ in range(MUTATIONS):
        raw, headers = spoiled(request, chance)
        refusal = refusal_of(partial(WORLD.protocol.infer, "bikes", raw, headers))
        refused += refusal is not None
        assert is_in_words(refusal), (raw, headers)
    assert MUTATIONS // 2 < refused < MUTATIONS


@given(raw=st.binary(max_size=300), length=st.none() | st.integers(-5, 400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused_or_a_request(raw: bytes, length: int | None) -> None:
    headers = {} if length is None else {"inference-header-content-length": str(length)}
    assert is_in_words(refusal_of(lambda: read_request(raw, headers)))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    changes=st.dictionaries(
        st.sampled_from(["name", "shape", "datatype", "data", "parameters"]), JSON_VALUES, max_size=3
    ),
    outer=st.dictionaries(st.sampled_from(["id", "outputs", "parameters"]), JSON_VALUES, max_size=2),
)
@settings(max_examples=300, deadline=None)
def test_any_json_in_place_of_a_field_is_refused_or_answered(changes: Any, outer: Any) -> None:
    one = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]} | changes
    world = ServedWorld(echoing(input_of("x")), sampling_rate=0)
    raw = json.dumps({"inputs": [one]} | outer).encode(errors="surrogatepass")
    assert is_in_words(refusal_of(lambda: world.protocol.infer("bikes", raw, {})))


@given(data=st.data(), datatype=st.sampled_from(NUMERIC))
@settings(max_examples=200, deadline=None)
def test_numbers_come_out_of_bytes_as_they_went_in(data: st.DataObject, datatype: Datatype) -> None:
    array = data.draw(arrays.arrays(DTYPES[datatype], arrays.array_shapes(max_dims=4, max_side=5)))
    padding = data.draw(st.binary(max_size=9))
    content = written(array, datatype)
    taken = BinaryTensors(padding + content, len(padding))
    found = taken.take("x", datatype, list(array.shape), len(content)).reshape(array.shape)
    taken.end()
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
@settings(max_examples=200, deadline=None)
def test_texts_come_out_of_bytes_as_they_went_in(texts: list[str]) -> None:
    content = written(np.array(texts, dtype=object), Datatype.BYTES)
    taken = BinaryTensors(content, 0)
    assert taken.take("x", "BYTES", [len(texts)], len(content)).tolist() == texts
    taken.end()


@given(
    values=st.lists(st.floats(width=32, allow_infinity=False) | st.none(), min_size=1, max_size=30),
    datatype=st.sampled_from(["FP32", "FP64"]),
)
@settings(max_examples=200, deadline=None)
def test_json_and_bytes_of_the_same_numbers_are_the_same_rows(values: list[Any], datatype: str) -> None:
    world = ServedWorld(echoing(input_of("x")), sampling_rate=0)
    array = np.array(values, dtype=DTYPES[Datatype(datatype)])
    one = {"name": "x", "shape": [len(values)], "datatype": datatype, "data": values}
    in_json = world.protocol.infer("bikes", json.dumps({"inputs": [one]}).encode(), {})[0]
    in_bytes = world.protocol.infer("bikes", *binary_request({"x": (datatype, array)}))[0]
    np.testing.assert_array_equal(in_json.outputs[0][1], in_bytes.outputs[0][1])


@given(body=st.binary(max_size=3000), accepted=st.sampled_from(["gzip", "deflate", "*"]))
@settings(max_examples=100, deadline=None)
def test_what_is_compressed_unfolds_to_what_it_was(body: bytes, accepted: str) -> None:
    folded, coding = encoded(body, accepted)
    assert isinstance(folded, bytes)
    assert decoded(folded, coding) == body


@given(raw=st.binary(max_size=200), coding=st.sampled_from(["gzip", "deflate"]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_unfold_or_are_refused(raw: bytes, coding: str) -> None:
    assert is_in_words(refusal_of(lambda: decoded(raw, coding)))


def test_an_answer_in_bytes_says_where_its_json_ends() -> None:
    _, answer = WORLD.protocol.infer("bikes", *valid_requests()[0])
    assert isinstance(answer, WrittenAnswer)
    assert isinstance(answer.body, bytes)
    head = json.loads(answer.body[: answer.header_length])
    sizes = sum(output["parameters"]["binary_data_size"] for output in head["outputs"])
    assert len(answer.body) == (answer.header_length or 0) + sizes
