import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shelflife.contracts.models import Datatype, Signature
from shelflife.serving.answer_cache import LONGEST_ANSWER, AnswerCache
from shelflife.serving.answer_forms import AnswerUnreadableError, from_bytes, to_bytes
from shelflife.serving.answer_keys import key_of
from shelflife.serving.binary import written
from shelflife.serving.errors import InvalidRequestError
from shelflife.serving.features import DTYPES
from shelflife.serving.model import CachePolicy
from shelflife.serving.tensors import Prediction
from tests.fakes.onnx_models import classifying, input_of, summing
from tests.fakes.predicting import ServedWorld

NUMBERS = (input_of("x"), input_of("y"))
ANSWER = [np.array([[1.5], [-2.5]], dtype=np.float32), np.array(["é", ""], dtype=object)]


class SharedMemory:
    """What other instances would see; `reads` counts how often somebody looked."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, float]] = {}
        self.reads = 0

    def read(self, key: str) -> tuple[bytes, float] | None:
        self.reads += 1
        return self.kept.get(key)

    def write(self, key: str, content: bytes, until: float) -> None:
        self.kept[key] = (content, until)


class Instance:
    """One instance of `predict` that keeps answers, beside others that share them."""

    def __init__(self, shared: SharedMemory, budget: int = 10_000) -> None:
        self.at = 1000.0
        self.cache = AnswerCache(shared, budget, lambda: self.at)

    def keep(self, key: str, answer: Any = None, seconds: int = 60) -> None:
        self.cache.keep(key, ANSWER if answer is None else answer, seconds)


@pytest.fixture
def shared() -> SharedMemory:
    return SharedMemory()


def same(found: Any, expected: Any) -> bool:
    return [(one.dtype, one.tolist()) for one in found] == [(one.dtype, one.tolist()) for one in expected]


def test_an_answer_is_found_until_its_time_is_over(shared: SharedMemory) -> None:
    one = Instance(shared)
    assert one.cache.find("a") is None
    one.keep("a")
    found = one.cache.find("a")
    assert found is not None
    assert same(found, ANSWER)
    one.at += 60
    assert one.cache.find("a") is None


def test_other_instances_find_it_after_it_was_written_for_as_long_as_the_first(shared: SharedMemory) -> None:
    one, other = Instance(shared), Instance(shared)
    one.keep("a")
    assert other.cache.find("a") is None
    one.cache.flush()
    other.at += 59
    found = other.cache.find("a")
    assert found is not None
    assert same(found, ANSWER)
    reads = shared.reads
    assert other.cache.find("a") is not None
    assert shared.reads == reads
    other.at += 1
    assert other.cache.find("a") is None


def test_memory_is_bounded_and_what_was_asked_for_last_stays(shared: SharedMemory) -> None:
    one = Instance(shared, budget=3 * 1500)
    for key in ("a", "b", "c"):
        one.keep(key, [np.zeros(250, dtype=np.float32)])
    one.cache.find("a")
    one.keep("d", [np.zeros(250, dtype=np.float32)])
    assert [one.cache.find(key) is None for key in ("a", "b", "c", "d")] == [False, True, False, False]
    one.keep("huge", [np.zeros(5000, dtype=np.float32)])
    assert one.cache.find("huge") is None
    assert one.cache.find("a") is not None


def test_large_answers_stay_in_memory(shared: SharedMemory) -> None:
    one = Instance(shared, budget=10**7)
    one.keep("a", [np.zeros(LONGEST_ANSWER // 4 + 1, dtype=np.float32)])
    one.cache.flush()
    assert shared.kept == {}
    assert one.cache.find("a") is not None


def test_what_is_kept_cannot_be_changed_by_who_got_it(shared: SharedMemory) -> None:
    one = Instance(shared)
    one.keep("a", [np.zeros(3)])
    one.cache.flush()
    for found in (one.cache.find("a"), Instance(shared).cache.find("a")):
        assert found is not None
        with pytest.raises(ValueError, match="read-only"):
            found[0][0] = 1.0


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff\xff\xff\xff[1]", b"\x03\0\0\0[1]"])
def test_bytes_of_another_form_are_no_answer(shared: SharedMemory, content: bytes) -> None:
    shared.kept["a"] = (content, 5000.0)
    assert Instance(shared).cache.find("a") is None


@pytest.mark.parametrize("dtype", [one.value for one in Datatype if one is not Datatype.BYTES])
def test_every_type_comes_back_as_it_was(dtype: str) -> None:
    values = np.array([[0, 1], [1, 0]]).astype(DTYPES[Datatype(dtype)])
    content = to_bytes([values])
    assert content is not None
    (found,) = from_bytes(content)
    assert found.dtype == values.dtype
    assert (found == values).all()


def test_nothing_is_unpickled() -> None:
    assert to_bytes([np.array([{"a": 1}], dtype=object)]) is None
    header = json.dumps([["O", [1], 8]]).encode()
    with pytest.raises(AnswerUnreadableError):
        from_bytes(len(header).to_bytes(4, "little") + header + b"\0" * 8)


def keys(*feeds: Mapping[str, Any], model: str = "m", names: tuple[str, ...] = ("x", "y")) -> list[str]:
    return [key_of(model, dict(feed), names) for feed in feeds]


def test_a_key_is_of_the_model_and_of_every_bit_of_the_input() -> None:
    x, y = np.array([[1.0]], dtype=np.float32), np.array([["ab"]], dtype=object)
    base = {"x": x, "y": y}
    (key,) = keys(base)
    assert keys({"y": y, "x": np.asfortranarray(x)}) == [key]
    others = [
        base | {"x": x + 1},
        base | {"x": x.astype(np.float64)},
        base | {"x": x.reshape(1)},
        base | {"x": -x},
        base | {"y": np.array([["a", "b"]], dtype=object)},
        base | {"y": np.array([["a"]], dtype=object)},
        base | {"y": np.array([["b", "a"]], dtype=object)},
    ]
    assert (
        len({key, *keys(*others), *keys(base, model="n"), *keys(base, names=("y", "x"))}) == len(others) + 3
    )


class CachingWorld(ServedWorld):
    """A deployment whose answers are kept."""

    def __init__(self, shared: SharedMemory, made: tuple[bytes, Signature] | None = None) -> None:
        super().__init__(made or summing(*NUMBERS))
        self.answers = AnswerCache(shared, 10_000, lambda: 0.0)
        self.protocol = replace(self.protocol, predictions=replace(self.predictions, answers=self.answers))
        self.keep_for(CachePolicy(ttl_seconds=60))

    def keep_for(self, policy: CachePolicy | None) -> None:
        self.deployments.deployments["bikes"] = self.deployments.deployments["bikes"].caching(policy)


def asked(*columns: float, names: str = "xy", **more: Any) -> bytes:
    inputs = [
        {"name": name, "shape": [1], "datatype": "FP32", "data": [value]}
        for name, value in zip(names, columns, strict=True)
    ]
    return json.dumps({"inputs": inputs} | more).encode()


def infer(world: CachingWorld, raw: bytes, headers: Mapping[str, str] = {}) -> tuple[Prediction, Any]:
    prediction, answer = world.protocol.infer("bikes", raw, headers)
    return prediction, json.loads(answer.body)["outputs"]


def test_equal_inputs_share_an_answer_in_whatever_form_they_come(shared: SharedMemory) -> None:
    world = CachingWorld(shared)
    first, outputs = infer(world, asked(1.5, 2.0))
    assert first.is_repeated is False
    matrix = {"inputs": [{"name": "all", "shape": [1, 2], "datatype": "FP64", "data": [1.5, 2.0]}]}
    head = {
        "inputs": [
            {"name": name, "shape": [1, 1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}
            for name in "yx"
        ]
    }
    tensors = [written(np.array([[value]], dtype=np.float32), Datatype.FP32) for value in (2.0, 1.5)]
    told = json.dumps(head).encode()
    for raw, headers in (
        (asked(2.0, 1.5, names="yx"), {}),
        (json.dumps(matrix).encode(), {}),
        (told + b"".join(tensors), {"inference-header-content-length": str(len(told))}),
        (asked(1.5, 2.0, outputs=[{"name": "prediction"}]), {}),
    ):
        again, same_outputs = infer(world, raw, headers)
        assert (again.is_repeated, same_outputs) == (True, outputs)
    assert infer(world, asked(1.5, 2.5))[0].is_repeated is False


def test_hits_are_captured_with_their_own_ids(shared: SharedMemory) -> None:
    world = CachingWorld(shared)
    ids = [infer(world, asked(1, 2))[0].id for _ in range(3)]
    assert [message.capture_id for message in world.captures.messages] == ids
    assert len(set(ids)) == 3
    assert {json.dumps(message.outputs) for message in world.captures.messages} == {'{"prediction": [3.0]}'}


def test_an_instance_repeats_what_another_one_answered_text_and_all(shared: SharedMemory) -> None:
    made = classifying()
    one, other = CachingWorld(shared, made), CachingWorld(shared, made)
    _, outputs = infer(one, asked(0.75, names="x"))
    one.answers.flush()
    again, same_outputs = infer(other, asked(0.75, names="x"))
    assert (again.is_repeated, same_outputs) == (True, outputs)
    assert outputs[0]["data"] == ["yes"]


def test_versions_never_share(shared: SharedMemory) -> None:
    one, other = CachingWorld(shared), CachingWorld(shared, summing(*NUMBERS, bias=5))
    infer(one, asked(1, 2))
    one.answers.flush()
    found, outputs = infer(other, asked(1, 2))
    assert (found.is_repeated, outputs[0]["data"]) == (False, [8.0])


def test_nothing_is_kept_unless_the_deployment_says_so(shared: SharedMemory) -> None:
    world = CachingWorld(shared)
    world.keep_for(None)
    assert [infer(world, asked(1, 2))[0].is_repeated for _ in range(2)] == [None, None]
    assert shared.reads == 0


def test_what_fails_is_not_kept(shared: SharedMemory) -> None:
    world = CachingWorld(shared)
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match="is missing"):
            infer(world, asked(1, names="x"))
    world.answers.flush()
    assert shared.kept == {}
