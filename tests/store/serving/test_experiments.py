from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shelflife.aws.items import Items, TableUnavailableError
from shelflife.contracts.serving import DeploymentCreated
from shelflife.kernel.tables import EXPIRY
from shelflife.serving.capture_ports import Claims
from shelflife.serving.captures import Answered, claim_key_of, digest_of
from shelflife.serving.claims import CLAIM_KEPT, DynamoClaims
from shelflife.serving.dynamo import DynamoDeployments
from shelflife.serving.dynamo_experiments import DynamoExperiments
from shelflife.serving.errors import (
    DeploymentChangedError,
    ExperimentChangedError,
    GoalsContendedError,
)
from shelflife.serving.experiment import Experiment, GoalMetric
from shelflife.serving.experiment_ports import Experiments
from shelflife.serving.goals import CountedGoal, ToldGoal
from shelflife.serving.ports import Deployments
from shelflife.serving.sequential import Sums
from shelflife.serving.settings import TABLE
from tests.fakes.captures import MemoryClaims
from tests.fakes.deployments import deployment
from tests.fakes.onnx_models import input_of, reference_of, summing
from tests.fakes.serving import MemoryDeployments
from tests.harness.cloud import make_table

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANSWERED = Answered(3, "v2", assigned=True, captured_at=NOON)


@dataclass
class Stores:
    deployments: Deployments
    experiments: Experiments
    claims: Claims


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        memory = MemoryDeployments()
        return Stores(memory, memory.experiments, MemoryClaims())
    request.getfixturevalue("aws")
    items = make_table(TABLE)
    return Stores(DynamoDeployments(items), DynamoExperiments(items), DynamoClaims(items))


def experiment(id: str = "e1") -> Experiment:
    return Experiment(
        experiment_id=id,
        deployment="bikes",
        model_name="bikes",
        revision=1,
        variants=("v1", "v2"),
        goal=GoalMetric(name="orders", minimum_effect=0.1),
        started_at=NOON,
        started_by="ada",
        reason="why not",
    )


def goal(id: str, variant: str = "v1", value: float = 1) -> CountedGoal:
    return CountedGoal(id, variant, ToldGoal(prediction_id=id, value=value).millionths)


def add(stores: Stores) -> Any:
    made = deployment(reference_of(*summing(input_of("x"))))
    news = DeploymentCreated(
        event_id="created", happened_at=NOON, deployment="bikes", model_name="bikes", alias="champion"
    )
    stores.deployments.add(made, news)
    return made


def test_an_experiment_begins_with_its_deployment_or_not_at_all(stores: Stores) -> None:
    made = add(stores)
    started = stores.deployments.change(made.experimenting("e1"), experiment=experiment())
    assert stores.deployments.find("bikes") == started
    assert started.experiment_id == "e1"
    assert stores.experiments.find("bikes", "e1") == experiment().written
    with pytest.raises(DeploymentChangedError):
        stores.deployments.change(made.experimenting("e2"), experiment=experiment("e2"))
    assert stores.experiments.find("bikes", "e2") is None
    with pytest.raises(DeploymentChangedError):
        stores.deployments.change(started.experimenting("e1"), experiment=experiment())
    assert stores.deployments.find("bikes") == started


def test_of_two_who_change_an_experiment_one_wins(stores: Stores) -> None:
    kept = stores.experiments.change(experiment())
    ended = stores.experiments.change(kept.ended("ada", "enough", NOON, None))
    assert stores.experiments.find("bikes", "e1") == ended
    with pytest.raises(ExperimentChangedError):
        stores.experiments.change(kept.ended("eve", "me too", NOON, "v2"))
    assert stores.experiments.find("bikes", "e1") == ended


def test_pages_hold_every_experiment_once_newest_first(stores: Stores) -> None:
    for id in ("e1", "e3", "e2"):
        stores.experiments.change(experiment(id))
    first = stores.experiments.page("bikes", 2, None)
    second = stores.experiments.page("bikes", 2, first.next_cursor)
    assert [one.experiment_id for page in (first, second) for one in page.items] == ["e3", "e2", "e1"]
    assert stores.experiments.page("boats", 2, None).items == ()


def test_goals_add_up_exactly_and_once(stores: Stores) -> None:
    told = [goal(str(at), "v1" if at % 2 else "v2", 0.1) for at in range(200)]
    assert stores.experiments.count("e1", told, NOON) == frozenset()
    assert stores.experiments.count("e1", [*told[150:], goal("new", "v2", -3)], NOON) == {
        str(at) for at in range(150, 200)
    }
    assert stores.experiments.tally("e1") == {
        "v1": Sums(count=100, total=10.0, squares=1.0),
        "v2": Sums(count=101, total=7.0, squares=10.0),
    }


def test_a_value_told_again_does_not_replace_the_first(stores: Stores) -> None:
    stores.experiments.count("e1", [goal("a", "v1", 1)], NOON)
    assert stores.experiments.count("e1", [goal("a", "v1", 5)], NOON) == {"a"}
    assert stores.experiments.tally("e1") == {"v1": Sums(count=1, total=1, squares=1)}


def test_the_largest_values_lose_no_digit(stores: Stores) -> None:
    told = [goal("a", value=1e9), goal("b", value=1e-6), goal("c", value=-1e9)]
    stores.experiments.count("e1", told, NOON)
    found = stores.experiments.tally("e1")["v1"]
    assert (found.total, found.squares) == (0.000001, 2e18)


def test_a_value_of_nothing_counts(stores: Stores) -> None:
    stores.experiments.count("e1", [goal("a", value=0), goal("b", value=1e-7)], NOON)
    assert stores.experiments.tally("e1") == {"v1": Sums(count=2)}


def test_experiments_are_kept_apart(stores: Stores) -> None:
    stores.experiments.count("e1", [goal("a")], NOON)
    assert stores.experiments.count("e2", [goal("a")], NOON) == frozenset()
    assert stores.experiments.tally("e2") == stores.experiments.tally("e1")
    assert stores.experiments.tally("e3") == {}


def test_a_claim_says_who_answered(stores: Stores) -> None:
    keys = [claim_key_of("bikes", f"p{at}") for at in range(150)]
    for key in keys[:120]:
        stores.claims.claim(key, "file-1", NOON, ANSWERED)
    stores.claims.claim(keys[120], "file-1", NOON)
    assert stores.claims.answered(keys) == dict.fromkeys(keys[:120], ANSWERED)
    assert stores.claims.answered([]) == {}
    stores.claims.claim(keys[0], "file-2", NOON, ANSWERED._replace(variant="v9"))
    stores.claims.reclaim(keys[120], "file-1", "file-2", NOON, ANSWERED)
    assert stores.claims.answered([keys[0], keys[120]]) == dict.fromkeys((keys[0], keys[120]), ANSWERED)


def test_a_goal_is_remembered_as_long_as_its_capture(aws: None) -> None:
    table = make_table(TABLE)
    DynamoExperiments(table).count("e1", [goal("a")], NOON)
    item = table.get(f"GOAL#e1#{digest_of('a')}", "GOAL")
    assert item is not None
    assert item[EXPIRY] == (NOON + CLAIM_KEPT).timestamp()


def interrupted(table: Items, interruptions: list[Callable[[], None]]) -> Items:
    """A table in which something else happens first, whenever somebody begins a transaction."""

    class Interrupted:
        def __getattr__(self, name: str) -> Any:
            return getattr(table.client, name)

        def transact_write_items(self, **asked: Any) -> Any:
            if interruptions:
                interruptions.pop(0)()
            return table.client.transact_write_items(**asked)

    client: Any = Interrupted()
    return replace(table, client=client)


def clash() -> None:
    told: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": "TransactionConflict"}],
    }
    raise ClientError(told, "TransactWriteItems")


def test_of_two_who_tell_the_same_goals_at_once_each_goal_counts_once(aws: None) -> None:
    table = make_table(TABLE)
    others = DynamoExperiments(table)
    told = [goal(str(at), value=2) for at in range(120)]
    found: list[frozenset[str]] = []
    meanwhile: list[Callable[[], None]] = [
        lambda: found.append(others.count("e1", told[:50], NOON)),
        lambda: found.append(others.count("e1", told[30:100], NOON)),
    ]
    before = DynamoExperiments(interrupted(table, meanwhile)).count("e1", told, NOON)
    assert others.tally("e1") == {"v1": Sums(count=120, total=240, squares=480)}
    accepted = [{one.prediction_id for one in told} - before]
    accepted += [{str(at) for at in range(50)} - found[0], {str(at) for at in range(30, 100)} - found[1]]
    assert sum(len(one) for one in accepted) == 120
    assert set.union(*accepted) == {str(at) for at in range(120)}


def test_others_in_the_way_are_waited_for(aws: None) -> None:
    table, slept = make_table(TABLE), list[float]()
    experiments = DynamoExperiments(interrupted(table, [clash] * 3), sleep=slept.append)
    assert experiments.count("e1", [goal("a")], NOON) == frozenset()
    assert len(slept) == 3
    assert sum(slept) < 0.35


def test_who_is_in_the_way_for_long_is_told_and_nothing_is_lost(aws: None) -> None:
    table = make_table(TABLE)
    experiments = DynamoExperiments(interrupted(table, [clash] * 9), sleep=lambda _: None)
    with pytest.raises(GoalsContendedError, match="e1"):
        experiments.count("e1", [goal("a")], NOON)
    assert experiments.tally("e1") == {}
    assert experiments.count("e1", [goal("a")], NOON + timedelta(seconds=1)) == frozenset()
    assert experiments.tally("e1")["v1"].count == 1


def test_keys_that_a_batch_leaves_out_are_asked_for_again(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.aws.attempts.sleep", lambda _: None)
    table = make_table(TABLE)
    keys = [(f"k{at}", "x") for at in range(5)]
    for pk, sk in keys:
        table.put({"pk": pk, "sk": sk})

    class OneByOne:
        def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - as boto3 calls it
            ((name, asked),) = RequestItems.items()
            first = {name: asked | {"Keys": asked["Keys"][:1]}}
            answer: Any = table.client.batch_get_item(RequestItems=first)
            left = asked["Keys"][1:]
            return answer | {"UnprocessedKeys": {name: asked | {"Keys": left}} if left else {}}

    client: Any = OneByOne()
    one_by_one = replace(table, client=client)
    assert sorted(item["pk"] for item in one_by_one.get_many(keys)) == [pk for pk, _ in keys]
    with pytest.raises(TableUnavailableError, match="UnprocessedKeys"):
        one_by_one.get_many([(f"k{at}", "x") for at in range(11)])
