import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from pydantic import ValidationError

from shelflife.contracts.serving import ExperimentEnded
from shelflife.kernel.errors import ConflictError
from shelflife.serving.captures import Answered, CapturedRows, CaptureRole, claim_key_of
from shelflife.serving.endings import Endings
from shelflife.serving.errors import (
    CapturesNeededError,
    DeploymentExperimentNotFoundError,
    DeploymentNotFoundError,
    ExperimentOverError,
    ExperimentRunningError,
    GoalRefusedError,
    RivalsNeededError,
    RolloutRunningError,
    WinnerUnknownError,
)
from shelflife.serving.experiment import Experiment, ExperimentState, GoalMetric
from shelflife.serving.experiment_endings import ExperimentEndings
from shelflife.serving.experiments import ExperimentControl
from shelflife.serving.goals import Goals, Told, ToldGoal
from shelflife.serving.model import DeployableVersion, Deployment
from shelflife.serving.rollouts import RolloutControl
from shelflife.serving.service import Serving
from shelflife.serving.shifts import Shifts
from shelflife.serving.standing import Finding, Standing
from shelflife.serving.strategy import AT_ONCE
from shelflife.serving.traffic import LiveVariant, TrafficRule, only
from tests.fakes.captures import MemoryClaims
from tests.fakes.deployments import BY_HAND, NOON, deployment, revision, rule
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.fakes.serving import MemoryDeployments, MemoryExecutions, MemoryVersions

HALVES = rule((1, 50), (2, 50))
ORDERS = GoalMetric(name="order_value")
BOUGHT = GoalMetric(name="bought", kind="proportion")
SECOND = timedelta(seconds=1)


@dataclass
class World:
    """Deployment `bikes` at revision 1, with versions 1, 2 and 3 of its model."""

    at: datetime = NOON
    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    claims: MemoryClaims = field(default_factory=MemoryClaims)

    def __post_init__(self) -> None:
        ids = count(1)
        for number in (1, 2, 3):
            reference = reference_of(*summing(input_of("x")), version=number)
            self.versions.keep(DeployableVersion(reference=reference))
        common: Any = {"now": lambda: self.at, "new_id": lambda: f"id-{next(ids)}"}
        kept = self.deployments.experiments
        self.shifts = Shifts(deployments=self.deployments, versions=self.versions, **common)
        ending = {"deployments": self.deployments, "shifts": self.shifts, **common}
        experiments = ExperimentEndings(experiments=kept, **ending)
        endings = Endings(rollouts=self.deployments.rollouts, **ending)
        self.control = ExperimentControl(
            deployments=self.deployments, experiments=kept, endings=experiments, **common
        )
        self.rollouts = RolloutControl(
            rollouts=self.deployments.rollouts,
            executions=MemoryExecutions(),
            endings=endings,
            experiments=experiments,
            **ending,
        )
        self.serving = Serving(**ending, new_key=lambda: "key")
        self.goals = Goals(self.deployments, kept, self.claims, lambda: self.at)

    def serve(self, by: TrafficRule = HALVES, *, rate: float = 1.0) -> None:
        stable = self.versions.kept["bikes", by.stable.model_version].reference
        self.deployments.kept_revisions["bikes", 1] = revision(1, by)
        self.deployments.deployments["bikes"] = deployment(stable, by=by, rate=rate)

    def start(self, goal: GoalMetric = ORDERS) -> Experiment:
        return self.control.start("bikes", goal, BY_HAND)

    def capture(self, id: str, variant: str = "v1", **changes: Any) -> None:
        """A prediction was answered, and its capture stored."""
        answered = Answered(1, variant, assigned=True, captured_at=self.at)._replace(**changes)
        self.claims.claim(claim_key_of("bikes", id), "file", self.at, answered)

    def tell(self, *goals: tuple[str, float]) -> Told:
        return self.goals.tell("bikes", [ToldGoal(prediction_id=id, value=value) for id, value in goals])

    def standing(self) -> Standing:
        (experiment,) = self.control.page("bikes", 1, None).items
        return self.control.standing(experiment)

    @property
    def bikes(self) -> Deployment:
        return self.deployments.deployments["bikes"]


@pytest.fixture
def world() -> World:
    made = World()
    made.serve()
    return made


def test_an_experiment_compares_what_has_traffic_with_the_stable_variant(world: World) -> None:
    world.serve(rule((2, 40), (3, 0), (1, 60)))
    started = world.start()
    assert (started.variants, started.control, started.revision) == (("v2", "v1"), "v2", 1)
    assert (started.state, started.started_by) == (ExperimentState.RUNNING, "ada")
    assert world.bikes.experiment_id == started.experiment_id
    assert world.control.find("bikes", started.experiment_id) == started
    assert world.control.page("bikes", 10, None).items == (started,)


def test_the_experiment_that_runs_is_answered_to_who_asks_for_it_again(world: World) -> None:
    started = world.start()
    assert world.start() == started
    with pytest.raises(ExperimentRunningError):
        world.start(BOUGHT)


@pytest.mark.parametrize(
    ("by", "rate", "error"),
    [
        (only(1), 1.0, RivalsNeededError),
        (rule((1, 0), (2, 50), (3, 50)), 1.0, RivalsNeededError),
        (rule((1, 100), (2, 0)), 1.0, RivalsNeededError),
        (HALVES, 0.0, CapturesNeededError),
    ],
)
def test_what_cannot_be_compared_is_refused(
    world: World, by: TrafficRule, rate: float, error: type[ConflictError]
) -> None:
    world.serve(by, rate=rate)
    with pytest.raises(error):
        world.start()
    assert world.bikes.experiment_id is None


def test_experiments_and_rollouts_exclude_each_other(world: World) -> None:
    started = world.start()
    with pytest.raises(ExperimentRunningError):
        world.rollouts.start("bikes", 3, AT_ONCE, BY_HAND)
    world.control.stop("bikes", started.experiment_id, BY_HAND)
    world.rollouts.start("bikes", 3, AT_ONCE, BY_HAND)
    with pytest.raises(RolloutRunningError):
        world.start()


def test_the_rule_of_a_running_experiment_stays(world: World) -> None:
    started = world.start()
    with pytest.raises(ExperimentRunningError):
        world.serving.shift("bikes", only(3), BY_HAND)
    world.control.stop("bikes", started.experiment_id, BY_HAND)
    assert world.serving.shift("bikes", only(3), BY_HAND).revision == 2


def test_who_stops_an_experiment_leaves_the_traffic_as_it_is(world: World) -> None:
    started = world.start()
    world.at += timedelta(hours=1)
    stopped = world.control.stop("bikes", started.experiment_id, BY_HAND)
    assert (stopped.state, stopped.winner, stopped.outcome) == (ExperimentState.STOPPED, None, "by hand")
    assert (stopped.ended_by, stopped.ended_at) == ("ada", NOON + timedelta(hours=1))
    assert (world.bikes.experiment_id, world.bikes.revision) == (None, 1)
    (told,) = world.deployments.news
    assert isinstance(told, ExperimentEnded)
    assert (told.deployment, told.alias, told.winner) == ("bikes", "champion", None)
    with pytest.raises(ExperimentOverError):
        world.control.stop("bikes", started.experiment_id, BY_HAND)


def test_the_winner_answers_everything_and_the_revision_says_why(world: World) -> None:
    started = world.start()
    decided = world.control.stop("bikes", started.experiment_id, BY_HAND, "v2")
    assert (decided.state, decided.winner) == (ExperimentState.DECIDED, "v2")
    now = world.deployments.kept_revisions["bikes", 2]
    assert now.traffic.rule.live == (LiveVariant(name="v2", model_version=2, weight=100),)
    assert now.change.reason == f"experiment {started.experiment_id}: by hand"
    assert world.bikes.stable == world.versions.kept["bikes", 2].reference
    assert world.bikes.experiment_id is None


def test_a_winner_is_one_of_the_variants(world: World) -> None:
    started = world.start()
    with pytest.raises(WinnerUnknownError, match="'v3' is not in the experiment, but v1, v2"):
        world.control.stop("bikes", started.experiment_id, BY_HAND, "v3")
    assert world.bikes.experiment_id == started.experiment_id
    with pytest.raises(DeploymentExperimentNotFoundError):
        world.control.stop("bikes", "another", BY_HAND)


def test_a_rollback_stops_the_experiment_and_its_control_answers_everything(world: World) -> None:
    started = world.start()
    rolled = world.rollouts.roll_back("bikes", BY_HAND)
    assert rolled.traffic is not None
    assert rolled.traffic.rule == only(1)
    assert (rolled.experiment_id, rolled.revision) == (None, 2)
    assert world.control.find("bikes", started.experiment_id).state is ExperimentState.STOPPED


def test_a_rollback_to_a_revision_brings_its_rule_back(world: World) -> None:
    world.serving.shift("bikes", rule((1, 80), (2, 20)), BY_HAND)
    world.start()
    rolled = world.rollouts.roll_back("bikes", BY_HAND, to_revision=1)
    assert rolled.traffic is not None
    assert rolled.traffic.rule == HALVES


def test_an_experiment_of_a_deployment_that_was_made_again_ends_alone(world: World) -> None:
    started = world.start()
    stable = world.versions.kept["bikes", 1].reference
    world.deployments.deployments["bikes"] = deployment(stable, revision=2)
    stopped = world.control.stop("bikes", started.experiment_id, BY_HAND, "v2")
    assert stopped.state is ExperimentState.DECIDED
    assert world.bikes.traffic is not None
    assert world.bikes.traffic.rule == only(1)
    assert world.deployments.news == []


def test_a_goal_counts_once_for_who_answered(world: World) -> None:
    world.start()
    for id, variant in (("a", "v1"), ("b", "v2"), ("c", "v2")):
        world.capture(id, variant)
    assert world.tell(("a", 10.0), ("b", 20.5), ("c", 0.0)) == Told(accepted=("a", "b", "c"))
    assert world.tell(("a", 10.0), ("b", 99.0)) == Told(duplicate=("a", "b"))
    assert [(one.variant, one.samples, one.mean) for one in world.standing().variants] == [
        ("v1", 1, 10.0),
        ("v2", 2, 10.25),
    ]


def test_of_two_goals_of_one_prediction_the_first_counts(world: World) -> None:
    world.start()
    world.capture("a")
    assert world.tell(("a", 1.0), ("a", 2.0)) == Told(accepted=("a",))
    assert world.standing().variants[0].mean == 1.0


def test_what_is_not_captured_yet_is_unknown_and_counts_when_it_is_told_again(world: World) -> None:
    world.start()
    assert world.tell(("a", 1.0)) == Told(unknown=("a",))
    world.capture("a")
    assert world.tell(("a", 1.0)) == Told(accepted=("a",))


@pytest.mark.parametrize(
    "changes",
    [
        {"assigned": False},
        {"revision": 7},
        {"variant": "v9"},
        {"captured_at": NOON - SECOND},
    ],
)
def test_what_is_no_sample_is_ignored(world: World, changes: dict[str, Any]) -> None:
    world.start()
    world.capture("a", **changes)
    assert world.tell(("a", 1.0)) == Told(ignored=("a",))
    assert [one.samples for one in world.standing().variants] == [0, 0]


def test_goals_of_another_name_or_without_an_experiment_are_ignored(world: World) -> None:
    world.capture("a")
    assert world.tell(("a", 1.0)) == Told(ignored=("a",))
    started = world.start()
    other = ToldGoal(prediction_id="a", value=1, goal="stars")
    same = ToldGoal(prediction_id="a", value=1, goal="order_value")
    assert world.goals.tell("bikes", [other]) == Told(ignored=("a",))
    assert world.goals.tell("bikes", [same]) == Told(accepted=("a",))
    world.control.stop("bikes", started.experiment_id, BY_HAND)
    assert world.tell(("a", 1.0)) == Told(ignored=("a",))
    with pytest.raises(DeploymentNotFoundError):
        world.goals.tell("boats", [same])


def test_a_second_experiment_on_the_same_rule_begins_with_nothing(world: World) -> None:
    first = world.start()
    world.capture("a")
    world.tell(("a", 1.0))
    world.control.stop("bikes", first.experiment_id, BY_HAND)
    world.at += SECOND
    world.start()
    assert world.tell(("a", 1.0)) == Told(ignored=("a",))
    assert [one.samples for one in world.standing().variants] == [0, 0]


def test_a_proportion_takes_zeros_and_ones_or_nothing(world: World) -> None:
    world.start(BOUGHT)
    world.capture("a")
    with pytest.raises(GoalRefusedError, match="goal 1: 'bought' is a proportion: expected 0 or 1"):
        world.tell(("a", 1.0), ("b", 0.5))
    assert world.tell(("a", 1.0)) == Told(accepted=("a",))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.1e9, "many", None])
def test_a_value_that_cannot_be_added_up_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        ToldGoal.model_validate({"prediction_id": "a", "value": value})


def test_values_add_up_without_drift(world: World) -> None:
    world.start()
    for at in range(100):
        world.capture(str(at))
    world.tell(*((str(at), 0.1 + 0.2) for at in range(99)), ("99", -1e9))
    total = world.deployments.experiments.tally("id-1")["v1"].total
    assert total == 99 * 0.3 - 1e9


ROWS = CapturedRows(
    capture_id="a",
    deployment="bikes",
    revision=3,
    variant="v2",
    model_version=2,
    captured_at=NOON,
    latency_ms=1.0,
    first_row=0,
    inputs={"x": [1.0]},
    outputs={"prediction": [1.0]},
)


def test_a_capture_says_who_answered_it_unless_nobody_got_the_answer() -> None:
    assert ROWS.claim_key == claim_key_of("bikes", "a")
    assert ROWS.answered == Answered(3, "v2", assigned=True, captured_at=NOON)
    assert ROWS.model_copy(update={"role": CaptureRole.SHADOW}).answered is None
    assert ROWS.model_copy(update={"error": "ModelFailedError"}).answered is None


def looked_at(world: World, means: tuple[float, float], looks: int) -> list[Standing]:
    """What is seen after each 200 goals, each told of a prediction that a fair coin assigned."""
    chance, seen, ids = random.Random(5), list[Standing](), count(1)  # noqa: S311 - drawn, not secret
    for _ in range(looks):
        told = []
        for id in (f"p-{next(ids)}" for _ in range(200)):
            place = chance.randrange(2)
            world.capture(id, ("v1", "v2")[place])
            told.append((id, float(chance.random() < means[place])))
        assert len(world.tell(*told).accepted) == 200
        seen.append(world.standing())
    return seen


def test_an_experiment_of_equals_stays_undecided_however_often_it_is_looked_at(world: World) -> None:
    world.start(BOUGHT)
    seen = looked_at(world, (0.3, 0.3), looks=40)
    assert {one.leader for one in seen} == {None}
    assert seen[-1].comparisons[0].decision is Finding.UNDECIDED
    assert seen[-1].conclusion.startswith("undecided by 'bought' (higher is better): 'v2' differs from 'v1'")
    assert sum(one.samples for one in seen[-1].variants) == 8000


@pytest.mark.parametrize(
    ("means", "better", "leader", "told"),
    [
        ((0.2, 0.3), "higher", "v2", "'v2' is better than the control"),
        ((0.2, 0.3), "lower", "v1", "the control 'v1' is the best"),
    ],
)
def test_the_better_variant_is_found_and_wins(
    world: World, means: tuple[float, float], better: Any, leader: str, told: str
) -> None:
    started = world.start(BOUGHT.model_copy(update={"better": better, "minimum_effect": 0.05}))
    seen = looked_at(world, means, looks=20)
    decided = next(one for one in seen if one.leader is not None)
    assert decided.leader == leader
    assert decided.conclusion.startswith(told)
    (comparison,) = seen[-1].comparisons
    assert comparison.lower is not None
    assert comparison.upper is not None
    assert comparison.lower < 0.1 < comparison.upper
    assert comparison.p_value < 0.05
    assert world.control.stop("bikes", started.experiment_id, BY_HAND, decided.leader).winner == leader
    assert world.bikes.stable is not None
    assert f"v{world.bikes.stable.version}" == leader


def test_of_several_better_variants_the_best_one_leads(world: World) -> None:
    world.serve(rule((1, 40), (2, 30), (3, 30)))
    world.start(BOUGHT)
    for variant, share in (("v1", 10), ("v2", 30), ("v3", 50)):
        for at in range(200):
            world.capture(f"{variant}-{at}", variant)
        world.tell(*((f"{variant}-{at}", float(at % 100 < share)) for at in range(200)))
    found = world.standing()
    assert [one.decision for one in found.comparisons] == [Finding.BETTER, Finding.BETTER]
    assert found.leader == "v3"


def test_too_few_samples_say_so(world: World) -> None:
    world.start()
    world.capture("a")
    world.tell(("a", 1.0))
    found = world.standing()
    assert found.comparisons[0].effect is None
    assert (
        found.conclusion
        == "undecided by 'order_value' (higher is better): 0 samples of one variant, 100 of each are needed"
    )
    assert [(one.mean, one.variance) for one in found.variants] == [(1.0, None), (None, None)]
