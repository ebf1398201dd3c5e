import json
from typing import Any

import pytest

from shelflife.kernel.errors import InvalidError
from shelflife.serving.errors import DeploymentNotFoundError, ModelUnusableError
from shelflife.serving.served import Routing
from tests.fakes.onnx_models import input_of, summing
from tests.fakes.predicting import ServedWorld

ASKED = {"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}]}


@pytest.fixture
def world() -> ServedWorld:
    return ServedWorld(summing(input_of("x")))


def infer(world: ServedWorld, body: Any = None, version: str | None = None) -> None:
    raw = json.dumps(ASKED if body is None else body).encode()
    world.protocol.infer("bikes", raw, {}, Routing(version=version))


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"ready": false}'])
def test_the_index_lists_what_answers_and_what_does_not(world: ServedWorld, raw: bytes) -> None:
    for at in range(150):
        world.add(f"many-{at:03d}", summing(input_of("x")))
    waiting = world.deployments.deployments["many-003"].model_copy(
        update={"traffic": None, "stable": None, "reason": "no champion"}
    )
    world.deployments.deployments["many-003"] = waiting
    found = world.repository.index(raw)
    assert len(found) == 151
    assert found[0] == {"name": "bikes", "version": "1", "state": "READY", "reason": ""}
    assert {"name": "many-003", "version": "", "state": "UNAVAILABLE", "reason": "no champion"} in found
    assert len(world.repository.index(b'{"ready": true}')) == 150


def test_unloading_forgets_and_loading_reads_again(world: ServedWorld) -> None:
    assert world.repository.load("bikes", b"{}") == {"name": "bikes", "load": True}
    assert len(world.models.loaded()) == 1
    unload = b'{"parameters": {"unload_dependents": false}}'
    assert world.repository.unload("bikes", unload) == {"name": "bikes", "unload": True}
    assert not world.models.loaded()
    infer(world)
    assert len(world.models.loaded()) == 1


def test_what_cannot_be_loaded_says_why(world: ServedWorld) -> None:
    world.models.models.clear()
    with pytest.raises(ModelUnusableError, match="its file is broken"):
        world.repository.load("bikes", b"")
    with pytest.raises(DeploymentNotFoundError):
        world.repository.load("boats", b"")
    with pytest.raises(DeploymentNotFoundError):
        world.repository.unload("boats", b"")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b'{"parameters": {"config": "{}"}}', "parameters: 'config' cannot be given"),
        (b'{"parameters": 1}', "parameters: expected an object, got 1"),
        (b"[]", "body: expected a JSON object"),
    ],
)
def test_a_model_of_the_callers_own_is_refused(world: ServedWorld, raw: bytes, told: str) -> None:
    with pytest.raises(InvalidError) as caught:
        world.repository.load("bikes", raw)
    assert str(caught.value).startswith(told)


def test_the_indexs_wish_is_a_truth_value(world: ServedWorld) -> None:
    with pytest.raises(InvalidError, match="ready: expected true or false, got 1"):
        world.repository.index(b'{"ready": 1}')


def test_statistics_count_rows_answers_and_failures(world: ServedWorld) -> None:
    (before,) = world.protocol.count("bikes", None)["model_stats"]
    assert (before["version"], before["inference_count"], before["last_inference"]) == ("1", 0, 0)
    infer(world)
    infer(world, version="1")
    for wrong in ({}, {"inputs": [ASKED["inputs"][0] | {"name": "y"}]}):
        with pytest.raises(InvalidError):
            infer(world, wrong)
    (told,) = world.protocol.count("bikes", "1")["model_stats"]
    assert (told["name"], told["inference_count"], told["execution_count"]) == ("bikes", 4, 2)
    stats = told["inference_stats"]
    counts = {name: one["count"] for name, one in stats.items()}
    assert counts == {
        "success": 2,
        "fail": 2,
        "queue": 0,
        "compute_input": 2,
        "compute_infer": 2,
        "compute_output": 2,
        "cache_hit": 0,
        "cache_miss": 0,
    }
    parts = sum(stats[name]["ns"] for name in ("compute_input", "compute_infer", "compute_output"))
    assert 0 < parts <= stats["success"]["ns"]
    assert world.protocol.statistics.told()["model_stats"] == [told]


def test_names_that_are_not_there_fill_no_memory(world: ServedWorld) -> None:
    with pytest.raises(InvalidError):
        world.protocol.infer("boats", b"", {})
    with pytest.raises(DeploymentNotFoundError):
        world.protocol.count("boats", None)
    assert world.protocol.statistics.told() == {"model_stats": []}


def test_a_model_tells_its_configuration(world: ServedWorld) -> None:
    assert world.protocol.configure("bikes", None) == {
        "name": "bikes",
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "version_policy": {"specific": {"versions": [1]}},
        "max_batch_size": 0,
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 1]}],
        "output": [{"name": "prediction", "data_type": "TYPE_FP32", "dims": [-1, 1]}],
    }
