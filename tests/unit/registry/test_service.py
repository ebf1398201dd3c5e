from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from shelflife.contracts.registry import RegisterVersion
from shelflife.contracts.validation import GateResult
from shelflife.registry.errors import (
    CandidateNotPassedError,
    ModelVersionExistsError,
    ModelVersionNotFoundError,
    RegisteredModelExistsError,
    RegisteredModelKeptError,
    RegisteredModelNotFoundError,
)
from shelflife.registry.model import NewVersion
from shelflife.registry.service import Registry
from tests.fakes.registry import MemoryModelVersions, MemoryRegisteredModels, MemoryRegistry
from tests.harness.models import candidate, verdict

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOGGED = NewVersion(source_uri="s3://bucket/model", run_id="r")


@dataclass
class World:
    kept: MemoryRegistry = field(default_factory=MemoryRegistry)


class Contended(MemoryModelVersions):
    """Others take the next number just before each of the first `times` writes."""

    def __init__(self, kept: MemoryRegistry, times: int) -> None:
        super().__init__(kept)
        self.times = times

    def add(self, version: Any, news: Any = None) -> None:
        if self.times:
            self.times -= 1
            super().add(version.model_copy(update={"job_id": f"other-{self.times}"}))
        super().add(version, news)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def registry(world: World) -> Registry:
    return Registry(
        MemoryRegisteredModels(world.kept),
        MemoryModelVersions(world.kept),
        now=lambda: NOON,
        new_id=lambda: "n1",
    )


def asked(job_id: str = "job-1", **of_verdict: Any) -> RegisterVersion:
    return RegisterVersion(candidate=candidate(job_id=job_id), verdict=verdict(**of_verdict))


def make(registry: Registry, name: str = "churn") -> None:
    registry.create_model(name, description=None, tags={}, created_by="ada")


def test_a_candidate_makes_its_model_and_gets_the_next_number(registry: Registry) -> None:
    first, second = registry.register(asked("job-1")), registry.register(asked("job-2"))
    assert (first.version, second.version) == (1, 2)
    assert first.reference() is not None
    assert (first.evaluation_id, first.source_uri) == ("job-1.first", candidate().model.uri)
    assert registry.model("bikeshare").created_by == "train_model"


def test_a_version_that_can_be_served_is_news_and_another_is_not(world: World, registry: Registry) -> None:
    version = registry.register(asked("job-1"))
    registry.create_version("bikeshare", LOGGED, created_by="ada")
    assert [told.registered for told in world.kept.registered] == [version.reference()]
    registry.register(asked("job-1"))
    assert len(world.kept.registered) == 1


def test_the_same_job_gets_the_same_version_again(registry: Registry) -> None:
    registry.register(asked("job-1"))
    registry.register(asked("job-2"))
    assert registry.register(asked("job-1")).version == 1
    assert registry.versions.newest("bikeshare") == 2


def test_a_lost_race_is_told_to_the_workflow_and_lost_once(world: World, registry: Registry) -> None:
    contended = Registry(registry.models, Contended(world.kept, 1), now=registry.now, new_id=registry.new_id)
    with pytest.raises(ModelVersionExistsError):
        contended.register(asked("job-1"))
    assert contended.register(asked("job-1")).version == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"passed": False},
        {"model_name": "churn"},
        {"gates": [GateResult(gate="mae", passed=False, reason="too high", evidence={})]},
    ],
)
def test_what_did_not_pass_is_not_registered(registry: Registry, changes: dict[str, Any]) -> None:
    with pytest.raises(CandidateNotPassedError):
        registry.register(asked(**changes))
    assert registry.versions.newest("bikeshare") == 0


def test_a_client_waits_for_nobody(world: World, registry: Registry) -> None:
    make(registry)
    contended = Registry(registry.models, Contended(world.kept, 3), now=registry.now, new_id=registry.new_id)
    assert contended.create_version("churn", LOGGED, created_by="ada").version == 4
    with pytest.raises(ModelVersionExistsError):
        Registry(
            registry.models, Contended(world.kept, 9), now=registry.now, new_id=registry.new_id
        ).create_version("churn", LOGGED, created_by="ada")


def test_what_is_not_there_is_named(registry: Registry) -> None:
    with pytest.raises(RegisteredModelNotFoundError, match="'churn'"):
        registry.create_version("churn", LOGGED, created_by="ada")
    with pytest.raises(RegisteredModelNotFoundError):
        registry.version("churn", 1)
    with pytest.raises(RegisteredModelNotFoundError):
        registry.page_of_versions("churn", 10, None)
    make(registry)
    with pytest.raises(ModelVersionNotFoundError, match="'churn' has no version 1"):
        registry.version("churn", 1)


def test_a_name_is_taken_once(registry: Registry) -> None:
    make(registry)
    with pytest.raises(RegisteredModelExistsError):
        make(registry)


def test_only_what_clients_logged_can_be_deleted(registry: Registry) -> None:
    make(registry)
    registry.create_version("churn", LOGGED, created_by="ada")
    registry.delete_model("churn")
    with pytest.raises(RegisteredModelNotFoundError):
        registry.delete_model("churn")
    registry.register(asked())
    with pytest.raises(RegisteredModelKeptError, match="trained its version 1"):
        registry.delete_model("bikeshare")


def test_all_pages_are_gone_through(registry: Registry) -> None:
    for number in range(3):
        make(registry, f"m{number}")
        registry.create_version(f"m{number}", LOGGED, created_by="ada")
    assert len(list(registry.all_models())) == 3
    assert len(list(registry.all_versions())) == 3
    assert len(list(registry.all_versions("m1"))) == 1
