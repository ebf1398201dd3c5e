from datetime import UTC, datetime
from typing import Any

import pytest

from shelflife.registry.adoption import AdoptedVersion, Adoption
from shelflife.registry.errors import (
    InvalidModelNameError,
    ModelVersionTakenError,
    RegisteredModelNotFoundError,
    RegisteredModelTakenError,
)
from shelflife.registry.model import RegisteredModel, Stage
from tests.harness.registry import NAME, World

THEN = datetime(2024, 2, 29, 12, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture
def adoption(world: World) -> Adoption:
    registry = world.registry
    return Adoption(models=registry.models, versions=registry.versions, now=world.now, new_id=world.new_id)


def model(adoption: Adoption, name: str = NAME, at: datetime = THEN) -> RegisteredModel:
    return adoption.model(name, description="old", tags={"a": "b"}, created_at=at, made_by="root")


def version(number: int, **changes: Any) -> AdoptedVersion:
    known = {"source_uri": "s3://old/model", "created_at": THEN, "updated_at": THEN, "stage": Stage.NONE}
    return AdoptedVersion(**(known | {"version": number} | changes))


def test_a_model_keeps_its_time(adoption: Adoption, world: World) -> None:
    made = model(adoption)
    assert (made.created_at, made.tags, made.description) == (THEN, {"a": "b"}, "old")
    assert model(adoption) == made


def test_another_model_is_never_written_over(adoption: Adoption, world: World) -> None:
    world.create()
    with pytest.raises(RegisteredModelTakenError):
        model(adoption)


def test_two_imports_at_once_make_one_model(adoption: Adoption, world: World) -> None:
    world.models.meanwhile = [lambda: model(adoption)]
    assert model(adoption) == world.registry.model(NAME)
    world.models.meanwhile = [lambda: world.create("other")]
    with pytest.raises(RegisteredModelTakenError):
        model(adoption, "other")


def test_a_name_that_no_model_has_is_refused(adoption: Adoption) -> None:
    with pytest.raises(InvalidModelNameError):
        model(adoption, "a/b")


def test_versions_keep_numbers_stages_and_times(adoption: Adoption, world: World) -> None:
    model(adoption)
    adoption.version(NAME, version(2, stage=Stage.PRODUCTION), made_by="root")
    made = adoption.version(NAME, version(5), made_by="root")
    assert (made.version, made.created_at, made.updated_at) == (5, THEN, THEN)
    found = world.registry.model(NAME)
    assert (found.newest, found.latest) == (5, {Stage.PRODUCTION: 2, Stage.NONE: 5})
    assert world.version().version == 6


def test_the_same_version_again_changes_nothing(adoption: Adoption, world: World) -> None:
    model(adoption)
    first = adoption.version(NAME, version(1), made_by="root")
    world.registry.describe_version(NAME, 1, "new")
    assert adoption.version(NAME, version(1), made_by="root").description == "new"
    assert first.version == 1


@pytest.mark.parametrize(
    "other", [{"source_uri": "s3://other"}, {"created_at": datetime(2025, 1, 1, tzinfo=UTC)}]
)
def test_another_version_is_never_written_over(adoption: Adoption, other: dict[str, Any]) -> None:
    model(adoption)
    adoption.version(NAME, version(1), made_by="root")
    with pytest.raises(ModelVersionTakenError, match="it is another one here"):
        adoption.version(NAME, version(1, **other), made_by="root")


def test_a_number_that_was_given_is_not_given_again(adoption: Adoption) -> None:
    model(adoption)
    adoption.version(NAME, version(3), made_by="root")
    with pytest.raises(ModelVersionTakenError, match="numbers up to 3 were given already"):
        adoption.version(NAME, version(2), made_by="root")


def test_a_version_needs_its_model(adoption: Adoption) -> None:
    with pytest.raises(RegisteredModelNotFoundError):
        adoption.version(NAME, version(1), made_by="root")
