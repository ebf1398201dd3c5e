from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from shelflife.contracts.models import ModelVersionReference
from shelflife.contracts.registry import ModelVersionPromoted
from shelflife.contracts.serving import DeploymentActivated, DeploymentCreated, DeploymentRemoved
from shelflife.serving.activation import Activations
from shelflife.serving.endings import Endings
from shelflife.serving.errors import (
    DeploymentChangedError,
    DeploymentExistsError,
    DeploymentNotFoundError,
)
from shelflife.serving.experiment_endings import ExperimentEndings
from shelflife.serving.model import AliasMove, CaptureWish, Deployment, State
from shelflife.serving.rollouts import RolloutControl
from shelflife.serving.service import Serving
from shelflife.serving.sessions import OnnxModel
from shelflife.serving.shifts import Shifts
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.fakes.serving import (
    MemoryAliases,
    MemoryDeployments,
    MemoryExecutions,
    MemoryModels,
    MemoryVersions,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERYTHING = CaptureWish()


@dataclass
class World:
    at: datetime = NOON
    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    models: MemoryModels = field(default_factory=MemoryModels)

    def version(self, number: int, *, usable: bool = True) -> ModelVersionReference:
        content, signature = summing(input_of("x"), bias=float(number))
        reference = reference_of(content, signature, version=number)
        if usable:
            self.models.models[reference.candidate.model.sha256] = OnnxModel(None, signature)
        return reference

    def told(
        self, reference: ModelVersionReference, *, minute: int, alias: str = "champion"
    ) -> ModelVersionPromoted:
        return ModelVersionPromoted(
            event_id=f"event-{minute}",
            happened_at=NOON + timedelta(minutes=minute),
            alias=alias,
            promoted=reference,
            previous_version=None,
            moved_by="ada",
        )

    def bikes(self) -> Deployment:
        return self.deployments.deployments["bikes"]

    @property
    def activated(self) -> list[tuple[str, int, int]]:
        return [
            (one.deployment, one.revision, one.serving.version)
            for one in self.deployments.news
            if isinstance(one, DeploymentActivated)
        ]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def shifts(world: World) -> Shifts:
    ids = count(1)
    return Shifts(
        deployments=world.deployments,
        versions=world.versions,
        now=lambda: world.at,
        new_id=lambda: f"a{next(ids)}",
    )


@pytest.fixture
def serving(world: World, shifts: Shifts) -> Serving:
    ids = count(1)
    return Serving(
        deployments=world.deployments,
        shifts=shifts,
        now=lambda: world.at,
        new_id=lambda: f"s{next(ids)}",
        new_key=lambda: f"key-{next(ids)}",
    )


@pytest.fixture
def rollouts(world: World, shifts: Shifts) -> RolloutControl:
    ids = count(1)
    kept = world.deployments.rollouts
    endings = Endings(
        deployments=world.deployments,
        rollouts=kept,
        shifts=shifts,
        now=lambda: world.at,
        new_id=lambda: f"e{next(ids)}",
    )
    return RolloutControl(
        deployments=world.deployments,
        rollouts=kept,
        executions=MemoryExecutions(),
        shifts=shifts,
        endings=endings,
        experiments=ExperimentEndings(
            deployments=world.deployments,
            experiments=world.deployments.experiments,
            shifts=shifts,
            now=lambda: world.at,
            new_id=lambda: f"x{next(ids)}",
        ),
        now=lambda: world.at,
        new_id=lambda: f"r{next(ids)}",
    )


@pytest.fixture
def activations(world: World, shifts: Shifts, rollouts: RolloutControl) -> Activations:
    return Activations(
        deployments=world.deployments,
        aliases=MemoryAliases(world.deployments),
        versions=world.versions,
        models=world.models,
        shifts=shifts,
        rollouts=rollouts,
        now=lambda: world.at,
    )


def create(serving: Serving, name: str = "bikes", alias: str = "champion") -> Deployment:
    return serving.create(name, model_name="bikes", alias=alias, capture=EVERYTHING, created_by="ada")


def test_a_new_deployment_waits_and_says_for_what(serving: Serving) -> None:
    made = create(serving)
    assert (made.state, made.revision, made.stable) == (State.WAITING, 0, None)
    assert made.reason == "no version of model 'bikes' with alias 'champion' was activated yet"
    with pytest.raises(DeploymentExistsError):
        create(serving)


def test_a_promotion_activates_every_follower_of_the_alias(
    world: World, serving: Serving, activations: Activations
) -> None:
    for name, alias in (("bikes", "champion"), ("other", "champion"), ("shadow", "challenger")):
        create(serving, name, alias)
    activations.follow(world.told(world.version(1), minute=1))
    assert world.activated == [("bikes", 1, 1), ("other", 1, 1)]
    assert world.models.loads == 1
    assert (world.bikes().state, world.bikes().reason) == (State.READY, None)
    assert world.deployments.deployments["shadow"].state is State.WAITING
    assert [one.traffic.rule.stable.model_version for one in serving.revisions("bikes", 10, None).items] == [
        1
    ]


def test_being_told_again_changes_nothing(world: World, serving: Serving, activations: Activations) -> None:
    create(serving)
    told = world.told(world.version(1), minute=1)
    activations.follow(told)
    before = world.bikes()
    activations.follow(told)
    activations.start(_created())
    assert world.bikes() == before
    assert len(world.activated) == 1


def test_an_older_move_that_comes_late_is_not_followed(
    world: World, serving: Serving, activations: Activations
) -> None:
    create(serving)
    activations.follow(world.told(world.version(2), minute=2))
    activations.follow(world.told(world.version(1), minute=1))
    assert world.activated == [("bikes", 1, 2)]


def test_positions_sort_by_time() -> None:
    times = [NOON, NOON + timedelta(microseconds=1), NOON + timedelta(seconds=1)]
    positions = [AliasMove.position_of(at, "z") for at in times]
    assert positions == sorted(positions)


def test_going_back_to_an_older_version_is_a_new_revision(
    world: World, serving: Serving, activations: Activations
) -> None:
    create(serving)
    for minute, version in enumerate((1, 2, 1), 1):
        activations.follow(world.told(world.version(version), minute=minute))
    assert world.activated == [("bikes", 1, 1), ("bikes", 2, 2), ("bikes", 3, 1)]


def test_a_version_that_cannot_serve_is_noted_and_the_last_one_goes_on(
    world: World, serving: Serving, activations: Activations
) -> None:
    create(serving)
    activations.follow(world.told(world.version(1), minute=1))
    activations.follow(world.told(world.version(2, usable=False), minute=2))
    kept = world.bikes()
    assert (kept.state, kept.revision, kept.reason) == (State.READY, 1, None)
    assert kept.stable is not None
    assert kept.stable.version == 1
    assert kept.last_failure is not None
    assert (kept.last_failure.model_version, kept.last_failure.reason) == (2, "its file is broken")
    activations.follow(world.told(world.version(3), minute=3))
    assert (world.bikes().revision, world.bikes().last_failure) == (2, None)


def test_a_first_version_that_cannot_serve_fails_the_deployment(
    world: World, serving: Serving, activations: Activations
) -> None:
    create(serving)
    broken = world.told(world.version(1, usable=False), minute=1)
    activations.follow(broken)
    assert (world.bikes().state, world.bikes().reason) == (State.FAILED, "its file is broken")
    world.version(1)
    activations.follow(broken)
    assert (world.bikes().state, world.bikes().reason) == (State.READY, None)


def test_going_back_after_a_failure_ends_it(world: World, serving: Serving, activations: Activations) -> None:
    create(serving)
    activations.follow(world.told(world.version(1), minute=1))
    activations.follow(world.told(world.version(2, usable=False), minute=2))
    activations.follow(world.told(world.version(1), minute=3))
    assert (world.bikes().revision, world.bikes().last_failure) == (1, None)
    assert len(world.activated) == 1


def test_a_deployment_made_later_catches_up(world: World, serving: Serving, activations: Activations) -> None:
    activations.follow(world.told(world.version(1), minute=1))
    assert world.models.loads == 0
    create(serving)
    (created,) = world.deployments.news
    assert isinstance(created, DeploymentCreated)
    activations.start(created)
    assert world.activated == [("bikes", 1, 1)]


def test_a_deployment_that_was_never_told_of_stays_waiting(world: World, activations: Activations) -> None:
    activations.start(_created())
    assert not world.activated


def test_a_lost_race_is_told_when_all_others_have_caught_up(
    world: World, serving: Serving, activations: Activations
) -> None:
    create(serving)
    create(serving, "other")

    @dataclass
    class Raced(MemoryDeployments):
        def find(self, name: str) -> Deployment | None:
            """Somebody writes `bikes` right after it was read."""
            found = super().find(name)
            if found is not None and name == "bikes":
                self.deployments[name] = found.model_copy(update={"change": found.change + 1})
            return found

    raced = replace(activations, deployments=Raced(world.deployments.deployments, {}, world.deployments.news))
    told = world.told(world.version(1), minute=1)
    with pytest.raises(DeploymentChangedError):
        raced.follow(told)
    assert world.activated == [("other", 1, 1)]
    activations.follow(told)
    assert world.activated == [("other", 1, 1), ("bikes", 1, 1)]


def test_a_slow_activation_does_not_undo_a_newer_one(
    world: World, serving: Serving, activations: Activations
) -> None:
    create(serving)
    older, newer = world.told(world.version(1), minute=1), world.told(world.version(2), minute=2)

    class Overtaken(MemoryModels):
        def load(self, reference: ModelVersionReference) -> OnnxModel:
            """While version 1 is loaded, the promotion of version 2 is followed."""
            if reference.version == 1:
                activations.follow(newer)
            return world.models.load(reference)

    slow = replace(activations, models=Overtaken())
    with pytest.raises(DeploymentChangedError):
        slow.follow(older)
    slow.follow(older)
    assert world.activated == [("bikes", 1, 2)]


def test_a_name_that_is_used_again_goes_on_counting(
    world: World, serving: Serving, activations: Activations
) -> None:
    create(serving)
    activations.follow(world.told(world.version(1), minute=1))
    serving.remove("bikes")
    with pytest.raises(DeploymentNotFoundError):
        serving.find("bikes")
    with pytest.raises(DeploymentNotFoundError):
        serving.remove("bikes")
    assert len(serving.revisions("bikes", 10, None).items) == 1
    create(serving)
    activations.start(_created())
    assert world.activated == [("bikes", 1, 1), ("bikes", 2, 1)]


def test_a_name_that_never_was_has_no_revisions(serving: Serving) -> None:
    for name in ("bikes", "x" * 3000, "a#b"):
        with pytest.raises(DeploymentNotFoundError):
            serving.revisions(name, 10, None)


def _created() -> DeploymentCreated:
    return DeploymentCreated(
        event_id="c1", happened_at=NOON, deployment="bikes", model_name="bikes", alias="champion"
    )


def test_a_removed_deployment_is_told(world: World, serving: Serving) -> None:
    serving.create("bikes", model_name="bikes", alias="champion", capture=CaptureWish(), created_by="ada")
    serving.remove("bikes")
    told = world.deployments.news[-1]
    assert isinstance(told, DeploymentRemoved)
    assert (told.deployment, told.model_name) == ("bikes", "bikes")
