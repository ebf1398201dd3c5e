"""One promise, two keepers: models in memory."""

import onnxruntime
import pytest

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.contracts.models import ModelVersionReference
from shelflife.serving.errors import ModelUnusableError
from shelflife.serving.model_cache import LruModels
from shelflife.serving.ports import LoadedModel, ModelCache
from shelflife.serving.sessions import OnnxModel, StoredModels
from tests.fakes.onnx_models import classifying, input_of, reference_of, summing
from tests.fakes.serving import MemoryModels
from tests.harness.cloud import make_bucket

GOOD = reference_of(*summing(input_of("x")), version=1)
OTHER = reference_of(*classifying(), version=2)
BROKEN = reference_of(*summing(input_of("x"), bias=1.0), version=3)
CONTENT = {1: summing(input_of("x"))[0], 2: classifying()[0]}


@pytest.fixture(params=["memory", "lru"])
def models(request: pytest.FixtureRequest) -> ModelCache:
    """A cache of stored models, of which `BROKEN` is broken."""
    if request.param == "memory":
        return MemoryModels(
            {
                one.candidate.model.sha256: OnnxModel(
                    onnxruntime.InferenceSession(CONTENT[one.version]), one.candidate.signature
                )
                for one in (GOOD, OTHER)
            }
        )
    request.getfixturevalue("aws")
    make_bucket("artifacts")
    objects = Objects(client("s3"))
    for one in (GOOD, OTHER):
        objects.write(one.candidate.model.uri, CONTENT[one.version])
    objects.write(BROKEN.candidate.model.uri, bytes(BROKEN.candidate.model.size_bytes))
    return LruModels(StoredModels(objects), 10_000_000, lambda: 0.0)


def of(reference: ModelVersionReference) -> LoadedModel:
    return LoadedModel(reference.candidate.model.sha256, reference.candidate.model.size_bytes)


def test_a_model_is_loaded_once(models: ModelCache) -> None:
    assert models.load(GOOD) is models.load(GOOD)
    (load,) = models.new_loads()
    assert (load.digest, load.size_bytes, load.failed) == (*of(GOOD), False)
    assert load.milliseconds > 0


def test_a_load_is_told_once(models: ModelCache) -> None:
    assert models.new_loads() == []
    models.load(GOOD)
    models.load(OTHER)
    assert [load.digest for load in models.new_loads()] == [of(GOOD).digest, of(OTHER).digest]
    models.load(GOOD)
    assert models.new_loads() == []


def test_what_is_in_memory_is_listed_with_the_newest_use_last(models: ModelCache) -> None:
    assert models.loaded() == []
    for reference in (GOOD, OTHER, GOOD):
        models.load(reference)
    assert models.loaded() == [of(OTHER), of(GOOD)]


def test_a_broken_model_is_refused_and_others_serve_on(models: ModelCache) -> None:
    kept = models.load(GOOD)
    with pytest.raises(ModelUnusableError, match="version 3 of model 'bikes' cannot serve: "):
        models.load(BROKEN)
    assert models.load(GOOD) is kept
    assert models.loaded() == [of(GOOD)]
    assert [load.failed for load in models.new_loads()] == [False, True]


@pytest.mark.parametrize("again", [False, True])
def test_a_model_that_was_unloaded_is_loaded_again(models: ModelCache, again: bool) -> None:  # noqa: FBT001
    assert not models.unload(of(GOOD).digest)
    models.load(GOOD)
    models.load(OTHER)
    assert models.unload(of(GOOD).digest)
    assert models.loaded() == [of(OTHER)]
    if again:
        models.load(GOOD)
        assert models.loaded() == [of(OTHER), of(GOOD)]
        assert [load.digest for load in models.new_loads()].count(of(GOOD).digest) == 2


def test_a_model_that_was_repaired_serves_once_its_refusal_is_forgotten(aws: None) -> None:
    make_bucket("artifacts")
    objects = Objects(client("s3"))
    models = LruModels(StoredModels(objects), 0, lambda: 0.0)
    with pytest.raises(ModelUnusableError, match="does not exist"):
        models.load(GOOD)
    objects.write(GOOD.candidate.model.uri, CONTENT[1])
    with pytest.raises(ModelUnusableError, match="does not exist"):
        models.load(GOOD)
    assert models.unload(of(GOOD).digest)
    assert models.load(GOOD).outputs == GOOD.candidate.signature.outputs
