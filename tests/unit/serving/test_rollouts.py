from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from shelflife.contracts.serving import DeploymentActivated, DeploymentShifted, RolloutEnded, RolloutStarted
from shelflife.kernel.errors import ShelflifeError
from shelflife.serving.capture_ports import Loss, WatchedVariant
from shelflife.serving.endings import Endings
from shelflife.serving.errors import (
    CapturesNeededError,
    DeploymentChangedError,
    DeploymentNotReadyError,
    NothingToRollBackError,
    RevisionNotFoundError,
    RolloutChangedError,
    RolloutNotFoundError,
    RolloutOverError,
    RolloutRunningError,
    RolloutTakenError,
    VersionNotDeployableError,
    VersionStableError,
    VersionUnknownError,
)
from shelflife.serving.experiment_endings import ExperimentEndings
from shelflife.serving.figures import Figures, merged
from shelflife.serving.judgement import Criteria
from shelflife.serving.model import Change, DeployableVersion, Deployment
from shelflife.serving.observed import answer, failure, losses, numbers
from shelflife.serving.rollout import Rollout, RolloutState
from shelflife.serving.rollouts import RolloutControl
from shelflife.serving.shifts import Shifts
from shelflife.serving.steps import RolloutSteps
from shelflife.serving.strategy import (
    AllAtOnce,
    BlueGreen,
    Canary,
    InsufficientData,
    Linear,
    Strategy,
    looks,
)
from shelflife.serving.tasks import (
    Action,
    ApplyStep,
    EndRollout,
    ExecutionEnd,
    HoldRollout,
    Progress,
    RolloutTask,
    StoppedRollout,
)
from tests.fakes.captures import MemoryWindows
from tests.fakes.deployments import deployment, revision, rule
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.fakes.serving import MemoryDeployments, MemoryExecutions, MemoryRollouts, MemoryVersions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BY_ADA = Change(changed_by="ada", reason="a better model")
CANARY = Canary(
    weight=10,
    bake_seconds=600,
    patience_seconds=600,
    criteria=Criteria(minimum_samples=50, required=("error_rate",)),
)


@dataclass
class World:
    at: datetime = NOON
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    rollouts: MemoryRollouts = field(default_factory=MemoryRollouts)
    windows: MemoryWindows = field(default_factory=MemoryWindows)
    executions: MemoryExecutions = field(default_factory=MemoryExecutions)

    def __post_init__(self) -> None:
        self.deployments = MemoryDeployments(rollouts=self.rollouts)
        for number in (1, 2, 3):
            reference = reference_of(*summing(input_of("x"), bias=float(number)), version=number)
            self.versions.keep(DeployableVersion(reference=reference))
        stable = self.versions.kept["bikes", 1].reference
        self.deployments.deployments["bikes"] = deployment(stable)
        self.deployments.kept_revisions["bikes", 1] = revision(1, rule((1, 100)))
        ids = count(1)
        self.new_id = lambda: f"id-{next(ids):03d}"
        self.shifts = Shifts(
            deployments=self.deployments, versions=self.versions, now=self.now, new_id=self.new_id
        )
        self.endings = Endings(
            deployments=self.deployments,
            rollouts=self.rollouts,
            shifts=self.shifts,
            now=self.now,
            new_id=self.new_id,
        )
        self.control = RolloutControl(
            deployments=self.deployments,
            rollouts=self.rollouts,
            executions=self.executions,
            shifts=self.shifts,
            endings=self.endings,
            experiments=ExperimentEndings(
                deployments=self.deployments,
                experiments=self.deployments.experiments,
                shifts=self.shifts,
                now=self.now,
                new_id=self.new_id,
            ),
            now=self.now,
            new_id=self.new_id,
        )
        self.steps = RolloutSteps(
            deployments=self.deployments,
            rollouts=self.rollouts,
            windows=self.windows,
            executions=self.executions,
            shifts=self.shifts,
            endings=self.endings,
            now=self.now,
        )
        self.files = count(1)

    def now(self) -> datetime:
        return self.at

    @property
    def bikes(self) -> Deployment:
        return self.deployments.deployments["bikes"]

    @property
    def shares(self) -> dict[str, float]:
        assert self.bikes.traffic is not None
        return {one.name: one.weight for one in self.bikes.traffic.rule.live}

    def start(self, strategy: Strategy = CANARY, version: int = 2) -> Rollout:
        return self.control.start("bikes", version, strategy, BY_ADA)

    def rollout(self) -> Rollout:
        return next(iter(self.rollouts.kept.values()))

    def task(self, execution: str = "e1") -> RolloutTask:
        return RolloutTask(deployment="bikes", rollout_id=self.rollout().rollout_id, execution=execution)

    def apply(self, number: int) -> Progress:
        return self.steps.apply(ApplyStep(**dict(self.task()), number=number))

    def judge(self) -> Progress:
        return self.steps.judge(self.task())

    def end(self, progress: Progress) -> Rollout:
        return self.steps.end(
            EndRollout(**dict(self.task()), outcome=progress.outcome, reason=progress.reason)
        )

    def stopped(self, status: ExecutionEnd = ExecutionEnd.ABORTED, execution: str = "e1") -> None:
        self.steps.end_stopped(StoppedRollout(**dict(self.task(execution)), status=status, cause=""))

    def answered(self, variant: str, good: int, bad: int = 0, revision: int | None = None) -> None:
        """Requests of a variant in this minute, in the deployment's current revision."""
        figures = merged([*[answer(1, 5.0) + numbers([1.0], [])] * good, *[failure()] * bad])
        watched = WatchedVariant("bikes", revision or self.bikes.revision, variant)
        minute = self.at.replace(second=0, microsecond=0)
        self.windows.add(f"file-{next(self.files)}", watched, {minute: figures}, self.at)

    def labelled(self, variant: str, labels: int, loss: float) -> None:
        """Truths of so many answers of this minute, with losses around this one."""
        watched = WatchedVariant("bikes", self.bikes.revision, variant)
        minute = self.at.replace(second=0, microsecond=0)
        told = [
            Loss(f"{variant}-{next(self.files)}", watched, minute, losses([loss * (0.9 if at % 2 else 1.1)]))
            for at in range(labels)
        ]
        assert self.windows.add_losses(told, self.at) == labels

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def walk(self, *, good: int = 100, bad: int = 0) -> tuple[list[dict[str, float]], Rollout]:
        """Carry the rollout to its end, as the workflow does; the shares of each revision on the way."""
        seen = [self.shares]
        progress = Progress(action=Action.APPLY)
        for _ in range(2000):
            if progress.action is Action.APPLY:
                progress = self.apply(progress.number)
                seen.append(self.shares)
                for variant in self.shares:
                    self.answered(variant, good, bad if variant == "v2" else 0)
            elif progress.action is Action.BAKE:
                self.wait(progress.wait_seconds)
                progress = self.judge()
            elif progress.action is Action.FINISH:
                ended = self.end(progress)
                return [*seen, self.shares], ended
            else:
                raise AssertionError(progress)
        raise AssertionError("it never ends")

    @property
    def news(self) -> list[str]:
        return [one.detail_type for one in self.deployments.news]


@pytest.fixture
def world() -> World:
    return World()


def test_a_good_canary_takes_over_and_everybody_is_told(world: World) -> None:
    started = world.start()
    began = world.bikes.rollout_id
    assert began == started.rollout_id
    seen, ended = world.walk()
    assert seen == [{"v1": 100}, {"v1": 90, "v2": 10}, {"v2": 100}, {"v2": 100}]
    assert (ended.state, ended.outcome) == (RolloutState.SUCCEEDED, "version 2 answers everything")
    done = world.bikes
    assert (done.rollout_id, done.revision, done.last_failure) == (None, 3, None)
    assert world.bikes.stable == world.versions.kept["bikes", 2].reference
    assert world.news == [
        "rollout.started",
        "deployment.shifted",
        "deployment.shifted",
        "deployment.activated",
        "rollout.ended",
    ]
    judgement = ended.applied[0].judgement
    assert judgement is not None
    assert judgement.verdict == "healthy"
    assert world.at - NOON == timedelta(seconds=600)


def test_a_bad_canary_is_rolled_back_before_it_has_baked(world: World) -> None:
    world.start()
    seen, ended = world.walk(good=150, bad=150)
    assert seen == [{"v1": 100}, {"v1": 90, "v2": 10}, {"v1": 100}]
    assert ended.state is RolloutState.ROLLED_BACK
    assert "error_rate" in str(ended.outcome)
    assert world.at - NOON == timedelta(seconds=60)
    assert world.bikes.last_failure is not None
    assert world.bikes.last_failure.rollout_id == ended.rollout_id
    assert world.news == ["rollout.started", "deployment.shifted", "deployment.shifted", "rollout.ended"]
    shifts = [one.versions for one in world.deployments.news if isinstance(one, DeploymentShifted)]
    assert shifts == [(1, 2), (1,)]
    told = world.deployments.news[-1]
    assert isinstance(told, RolloutEnded)
    assert (told.outcome, told.from_version, told.to_version) == ("rolled_back", 1, 2)


def test_too_few_requests_are_an_outcome_of_their_own(world: World) -> None:
    world.start()
    seen, ended = world.walk(good=3)
    assert seen[-1] == {"v1": 100}
    assert ended.state is RolloutState.ROLLED_BACK
    assert str(ended.outcome).startswith("insufficient data: ")
    assert world.at - NOON == timedelta(seconds=1200)


def test_too_few_requests_may_go_on_if_that_is_wanted(world: World) -> None:
    world.start(CANARY.model_copy(update={"on_insufficient_data": InsufficientData.GO_ON}))
    assert world.walk(good=3)[1].state is RolloutState.SUCCEEDED


def test_linear_takes_the_same_share_more_each_time(world: World) -> None:
    world.start(Linear(increment=30, bake_seconds=60, criteria=CANARY.criteria))
    seen, ended = world.walk()
    assert [shares.get("v2", 0) for shares in seen] == [0, 30, 60, 90, 100, 100]
    assert ended.state is RolloutState.SUCCEEDED


def test_green_is_tried_by_a_shadow_and_takes_over_in_one_move(world: World) -> None:
    world.start(BlueGreen(trial_seconds=60, bake_seconds=0, criteria=CANARY.criteria))
    progress = world.apply(0)
    traffic = world.bikes.traffic
    assert traffic is not None
    assert world.shares == {"v1": 100, "v2": 0}
    assert [(one.name, one.sampling_rate) for one in traffic.rule.shadows] == [("v2-shadow", 1.0)]
    world.answered("v1", 100)
    world.answered("v2-shadow", 100)
    world.wait(60)
    progress = world.judge()
    assert (progress.action, progress.number) == (Action.APPLY, 1)
    world.apply(1)
    assert world.shares == {"v2": 100}
    assert world.judge().outcome is RolloutState.SUCCEEDED


def test_all_at_once_with_time_to_bake_is_judged_by_what_was_answered_before(world: World) -> None:
    world.answered("v1", 500)
    world.wait(3600)
    world.start(AllAtOnce(bake_seconds=600, criteria=CANARY.criteria))
    world.apply(0)
    assert world.shares == {"v2": 100}
    world.answered("v2", 100, 100)
    world.wait(60)
    progress = world.judge()
    assert (progress.action, progress.outcome) == (Action.FINISH, RolloutState.ROLLED_BACK)
    world.end(progress)
    assert world.shares == {"v1": 100}
    # The stable version was another for a minute: both moves are news.
    activated = [one for one in world.deployments.news if isinstance(one, DeploymentActivated)]
    assert [one.serving.version for one in activated] == [2, 1]


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_done_twice(world: World) -> None:
    world.start()
    first = world.apply(0)
    before = world.bikes
    assert world.apply(0) == first
    assert world.bikes == before
    world.wait(600)
    world.answered("v1", 100)
    world.answered("v2", 100)
    assert world.judge().number == 1
    assert world.judge().number == 1
    world.apply(1)
    done = world.judge()
    ended = world.end(done)
    assert world.end(done) == ended
    assert world.news.count("rollout.ended") == 1
    assert world.judge().action is Action.STOP
    assert world.apply(1).action is Action.STOP


def test_one_execution_carries_a_rollout_and_a_second_one_is_refused(world: World) -> None:
    world.start()
    world.apply(0)
    with pytest.raises(RolloutTakenError):
        world.steps.judge(world.task("e2"))
    with pytest.raises(RolloutTakenError):
        world.steps.apply(ApplyStep(**dict(world.task("e2")), number=1))


def test_a_paused_rollout_keeps_its_shares_until_it_goes_on_and_bakes_anew(world: World) -> None:
    started = world.start()
    world.apply(0)
    world.control.pause("bikes", started.rollout_id)
    world.control.pause("bikes", started.rollout_id)
    world.answered("v2", 10, 200)
    world.wait(3600)
    assert world.judge().action is Action.HOLD
    world.steps.hold(HoldRollout(**dict(world.task()), task_token="token"))
    assert world.shares == {"v1": 90, "v2": 10}
    going = world.control.resume("bikes", started.rollout_id)
    assert (going.state, going.applied[-1].started_at) == (RolloutState.RUNNING, world.at)
    assert world.executions.went_on == ["token"]
    progress = world.judge()
    assert (progress.action, progress.wait_seconds) == (Action.BAKE, 60)


def test_who_resumes_before_the_token_is_there_is_not_waited_for(world: World) -> None:
    started = world.start()
    world.apply(0)
    world.control.pause("bikes", started.rollout_id)
    world.control.resume("bikes", started.rollout_id)
    world.steps.hold(HoldRollout(**dict(world.task()), task_token="late"))
    assert world.executions.went_on == ["late"]


def test_an_abort_gives_the_traffic_back_at_once_and_the_workflow_stops(world: World) -> None:
    started = world.start()
    world.apply(0)
    ended = world.control.abort("bikes", started.rollout_id, BY_ADA)
    assert (ended.state, ended.outcome) == (RolloutState.ABORTED, "a better model")
    assert (world.shares, world.bikes.rollout_id) == ({"v1": 100}, None)
    assert world.judge().action is Action.STOP
    for change in (world.control.pause, world.control.resume):
        with pytest.raises(RolloutOverError):
            change("bikes", started.rollout_id)
    with pytest.raises(RolloutOverError):
        world.control.abort("bikes", started.rollout_id, BY_ADA)


def test_an_aborted_pause_goes_on_to_its_end(world: World) -> None:
    started = world.start()
    world.apply(0)
    world.control.pause("bikes", started.rollout_id)
    world.steps.hold(HoldRollout(**dict(world.task()), task_token="token"))
    world.control.abort("bikes", started.rollout_id, BY_ADA)
    assert world.executions.went_on == ["token"]
    assert world.judge().action is Action.STOP


def test_a_rollback_is_one_call_whatever_is_going_on(world: World) -> None:
    with pytest.raises(NothingToRollBackError):
        world.control.roll_back("bikes", BY_ADA)
    world.start()
    world.apply(0)
    assert world.control.roll_back("bikes", BY_ADA).rollout_id is None
    assert world.shares == {"v1": 100}
    assert world.rollout().state is RolloutState.ABORTED
    world.rollouts.kept.clear()
    world.start()
    world.walk()
    assert world.shares == {"v2": 100}
    world.control.roll_back("bikes", BY_ADA)
    assert world.shares == {"v1": 100}
    world.control.roll_back("bikes", BY_ADA, to_revision=world.bikes.revision - 2)
    assert world.shares == {"v1": 90, "v2": 10}
    with pytest.raises(RevisionNotFoundError):
        world.control.roll_back("bikes", BY_ADA, to_revision=99)


def test_of_two_who_start_one_wins_and_the_same_one_again_is_answered(world: World) -> None:
    first = world.start()
    assert world.start().rollout_id == first.rollout_id
    with pytest.raises(RolloutRunningError):
        world.start(version=3)
    stale = world.bikes.model_copy(update={"rollout_id": None, "change": world.bikes.change - 1})
    with pytest.raises(DeploymentChangedError):
        world.control.begin(stale, 3, CANARY, BY_ADA)
    assert len(world.rollouts.kept) == 1
    assert [one for one in world.deployments.news if isinstance(one, RolloutStarted)] != []


def test_a_pause_that_races_with_a_look_is_never_lost(world: World) -> None:
    started = world.start()
    world.apply(0)
    seen = world.rollout()
    world.control.pause("bikes", started.rollout_id)
    with pytest.raises(RolloutChangedError):
        world.rollouts.change(seen)
    assert world.judge().action is Action.HOLD


class Interrupted(MemoryRollouts):
    """Somebody else writes just before, as often as they were told to."""

    def __init__(self, kept: MemoryRollouts, *others: Callable[[], object]) -> None:
        super().__init__(kept.kept)
        self.others = list(others)

    def change(self, rollout: Rollout) -> Rollout:
        if self.others:
            self.others.pop(0)()
        return super().change(rollout)


def test_a_pause_is_said_again_when_the_workflow_has_looked_in_between(world: World) -> None:
    started = world.start()
    world.apply(0)
    looking = Interrupted(world.rollouts, world.judge, world.judge)
    paused = replace(world.control, rollouts=looking).pause("bikes", started.rollout_id)
    assert (paused.state, looking.others) == (RolloutState.PAUSED, [])
    assert world.rollout().state is RolloutState.PAUSED


def test_a_pause_gives_up_when_it_always_loses(world: World) -> None:
    started = world.start()
    world.apply(0)
    looking = Interrupted(world.rollouts, *[world.judge] * 9)
    with pytest.raises(RolloutChangedError):
        replace(world.control, rollouts=looking).pause("bikes", started.rollout_id)
    assert world.rollout().state is RolloutState.RUNNING


@dataclass
class Late(MemoryDeployments):
    """Answers at first what was true before."""

    seen_first: list[Deployment] = field(default_factory=list)

    def find(self, name: str) -> Deployment | None:
        return self.seen_first.pop() if self.seen_first else super().find(name)


def test_a_rollback_that_races_with_success_takes_it_back(world: World) -> None:
    world.start()
    world.apply(0)
    started = world.bikes
    world.walk()
    assert world.shares == {"v2": 100}

    late = Late(**vars(world.deployments), seen_first=[started])
    assert replace(world.control, deployments=late).roll_back("bikes", BY_ADA).rollout_id is None
    assert world.shares == {"v1": 100}


def test_a_deployment_that_was_deleted_ends_its_rollout(world: World) -> None:
    world.start()
    world.apply(0)
    del world.deployments.deployments["bikes"]
    progress = world.judge()
    assert (progress.action, progress.outcome) == (Action.FINISH, RolloutState.ABORTED)
    assert world.end(progress).state is RolloutState.ABORTED


@pytest.mark.parametrize(
    ("version", "error"), [(1, VersionStableError), (9, VersionUnknownError), (3, VersionNotDeployableError)]
)
def test_what_cannot_take_over_is_refused(world: World, version: int, error: type[ShelflifeError]) -> None:
    broken = world.versions.kept["bikes", 3].model_copy(update={"unusable": "its file is broken"})
    world.versions.keep(broken)
    with pytest.raises(error):
        world.start(version=version)
    assert world.bikes.rollout_id is None


def test_what_could_never_be_judged_is_refused(world: World) -> None:
    stable = world.versions.kept["bikes", 1].reference
    world.deployments.deployments["bikes"] = deployment(stable, rate=0)
    with pytest.raises(CapturesNeededError):
        world.start()
    assert world.start(AllAtOnce()).state is RolloutState.RUNNING
    waiting = deployment(stable).model_copy(update={"traffic": None, "stable": None})
    world.deployments.deployments["bikes"] = waiting
    with pytest.raises(DeploymentNotReadyError):
        world.start()
    with pytest.raises(RolloutNotFoundError):
        world.control.find("bikes", "nonsense")


def test_the_candidate_of_a_rule_that_has_its_name_already_gets_another(world: World) -> None:
    stable = world.versions.kept["bikes", 1].reference
    world.deployments.deployments["bikes"] = deployment(stable, by=rule((1, 80), (2, 20)))
    started = world.start()
    world.apply(0)
    assert world.shares == {"v1": 90, f"v2-{started.rollout_id}": 10}
    world.control.abort("bikes", started.rollout_id, BY_ADA)
    assert world.shares == {"v1": 80, "v2": 20}


def test_a_rollouts_looks_are_those_of_its_judged_steps() -> None:
    assert looks(AllAtOnce()) == 1
    assert looks(CANARY) == 20
    assert looks(BlueGreen()) == 40
    assert looks(BlueGreen(shadow_rate=0)) == 20
    assert looks(Linear(increment=50)) == 20


def test_figures_of_no_requests_are_zero() -> None:
    assert merged([]) == Figures()


@pytest.mark.parametrize(
    ("status", "state", "why"),
    [
        (ExecutionEnd.ABORTED, RolloutState.ABORTED, "its execution was stopped"),
        (ExecutionEnd.TIMED_OUT, RolloutState.FAILED, "its execution timed out"),
        (ExecutionEnd.FAILED, RolloutState.FAILED, "its execution failed"),
    ],
)
def test_an_execution_that_ends_without_its_rollout_gives_the_traffic_back(
    world: World, status: ExecutionEnd, state: RolloutState, why: str
) -> None:
    world.start()
    world.apply(0)
    world.stopped(status)
    assert (world.rollout().state, world.rollout().outcome) == (state, why)
    assert world.shares == {"v1": 100}
    assert world.bikes.rollout_id is None
    before = world.rollout()
    world.stopped(status)
    assert world.rollout() == before
    assert world.news.count("rollout.ended") == 1
    assert world.start(version=3).to_version == 3


def test_an_execution_that_is_stopped_before_its_first_step_ends_its_rollout(world: World) -> None:
    world.start()
    world.stopped()
    assert world.rollout().state is RolloutState.ABORTED
    assert world.apply(0).action is Action.STOP
    assert world.shares == {"v1": 100}


def test_an_execution_that_carried_nothing_ends_nothing(world: World) -> None:
    world.start()
    world.apply(0)
    world.stopped(execution="another")
    assert world.rollout().state is RolloutState.RUNNING
    assert world.shares == {"v1": 90, "v2": 10}
    gone = StoppedRollout(
        deployment="bikes", rollout_id="none", execution="e1", status=ExecutionEnd.FAILED, cause=""
    )
    world.steps.end_stopped(gone)


def test_a_paused_rollout_whose_execution_is_stopped_is_over(world: World) -> None:
    started = world.start()
    world.apply(0)
    world.control.pause("bikes", started.rollout_id)
    world.stopped()
    assert (world.rollout().state, world.rollout().task_token) == (RolloutState.ABORTED, None)


def test_a_word_said_at_the_same_time_does_not_keep_a_stopped_rollout_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = world.start()
    world.apply(0)
    find, raced = world.rollouts.find, [True]

    def found(deployment: str, rollout_id: str) -> Rollout | None:
        seen = find(deployment, rollout_id)
        if seen and raced:
            raced.clear()
            world.control.pause("bikes", started.rollout_id)
        return seen

    monkeypatch.setattr(world.rollouts, "find", found)
    world.stopped()
    assert world.rollout().state is RolloutState.ABORTED


BY_LABELS = CANARY.model_copy(
    update={"criteria": Criteria(minimum_samples=50, required=("error_rate", "label_loss"))}
)


def test_a_candidate_that_errs_more_by_its_labels_is_rolled_back(world: World) -> None:
    world.start(BY_LABELS)
    world.apply(0)
    world.answered("v1", 100)
    world.answered("v2", 100)
    world.labelled("v1", 100, 1.0)
    world.labelled("v2", 60, 1.5)
    world.wait(60)
    progress = world.judge()
    assert (progress.action, progress.outcome) == (Action.FINISH, RolloutState.ROLLED_BACK)
    assert progress.reason.startswith("label_loss: ")


def test_a_rollout_that_requires_labels_waits_for_enough_of_both_sides(world: World) -> None:
    world.start(BY_LABELS)
    world.apply(0)
    world.answered("v1", 100)
    world.answered("v2", 100)
    world.labelled("v1", 100, 1.0)
    world.labelled("v2", 20, 1.5)
    world.wait(600)
    progress = world.judge()
    assert (progress.action, progress.wait_seconds) == (Action.BAKE, 60)
    assert "label_loss: " in progress.reason
    assert "too few to say" in progress.reason
    world.labelled("v2", 80, 0.5)
    assert world.judge().action is Action.APPLY


def test_labels_that_do_not_come_are_insufficient_data(world: World) -> None:
    world.start(BY_LABELS)
    _, ended = world.walk()
    assert ended.state is RolloutState.ROLLED_BACK
    assert str(ended.outcome).startswith("insufficient data: label_loss: ")
