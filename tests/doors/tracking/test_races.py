"""Two callers at once, callers that are cut off, and full tables, at the door and over real conditions."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shelflife.tracking.wiring import tracking
from tests.harness.disturbed import before_write, cut_off, ended, is_unavailable, throttled
from tests.harness.events import LambdaContext, http_event
from tests.harness.tracking import handler

MLFLOW = "/api/2.0/mlflow"
Ask = tuple[str, dict[str, Any]]


def answered(path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = handler(http_event("POST", f"{MLFLOW}/{path}", body), LambdaContext())
    return answer


def ask(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    answer = answered(path, body)
    return answer["statusCode"], json.loads(answer["body"])


def found(path: str) -> Any:
    return json.loads(handler(http_event("GET", f"{MLFLOW}/{path}"), LambdaContext())["body"])


class World:
    """Experiment `one` with a run `first`, whose entries are in the index; what may be asked of them."""

    def __init__(self) -> None:
        self.experiment_id: str = ask("experiments/create", {"name": "one"})[1]["experiment_id"]
        _, made = ask("runs/create", {"experiment_id": self.experiment_id, "run_name": "first"})
        self.run_id: str = made["run"]["info"]["run_id"]
        tracking().keep_index(self.run_id)

    def run(self) -> dict[str, Any]:
        return dict(found(f"runs/get?run_id={self.run_id}")["run"])

    def create(self, name: str = "new") -> Ask:
        return "experiments/create", {"name": name}

    def rename(self, name: str = "new") -> Ask:
        return "experiments/update", {"experiment_id": self.experiment_id, "new_name": name}

    def delete(self) -> Ask:
        return "experiments/delete", {"experiment_id": self.experiment_id}

    def begin(self) -> Ask:
        return "runs/create", {"experiment_id": self.experiment_id, "run_name": "second"}

    def log(self, depth: str = "3", metric: float = 0.5) -> Ask:
        told = {
            "metrics": [{"key": "mae", "value": metric, "timestamp": 1, "step": 1}],
            "params": [{"key": "depth", "value": depth}],
            "tags": [{"key": "team", "value": "risk"}],
        }
        return "runs/log-batch", {"run_id": self.run_id, **told}

    def tag(self, key: str = "k") -> Ask:
        return "runs/set-tag", {"run_id": self.run_id, "key": key, "value": "v"}

    def delete_run(self) -> Ask:
        return "runs/delete", {"run_id": self.run_id}

    def restore_run(self) -> Ask:
        return "runs/restore", {"run_id": self.run_id}

    def model(self) -> Ask:
        told = {"name": "model", "source_run_id": self.run_id}
        return "logged-models", {"experiment_id": self.experiment_id, **told}

    def seen(self) -> Any:
        """All that a reader finds, without times and made-up ids."""
        experiments = found("experiments/search?max_results=99&view_type=ALL")["experiments"]
        ids = [one["experiment_id"] for one in experiments]
        _, runs = ask("runs/search", {"experiment_ids": ids, "run_view_type": "ALL"})
        _, models = ask("logged-models/search", {"experiment_ids": ids})
        of_run = {"experiment_ids": ids, "filter": f"source_run_id = '{self.run_id}'"}
        return [
            sorted((one["name"], one["lifecycle_stage"]) for one in experiments),
            ["experiment" in found(f"experiments/get-by-name?experiment_name={n}") for n in ("one", "new")],
            sorted((one["info"]["run_name"], one["info"]["lifecycle_stage"]) for one in runs["runs"]),
            [one["data"] for one in runs["runs"] if one["info"]["run_id"] == self.run_id],
            found(f"metrics/get-history?run_id={self.run_id}&metric_key=mae"),
            [one["info"]["name"] for one in models.get("models", [])],
            len(ask("logged-models/search", of_run)[1].get("models", [])),
        ]


@pytest.fixture
def world(installed: None) -> World:
    return World()


def raced(theirs: Ask, ours: Ask, number: int = 0) -> tuple[tuple[int, Any], tuple[int, Any]]:
    """What they are answered who ask before that write of ours, and what we are."""
    told: list[tuple[int, Any]] = []
    with before_write(number, lambda: told.append(ask(*theirs))):
        answer = ask(*ours)
    return told[0], answer


TAKEN, INVALID = "RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE"
Choice = Callable[[World], Ask]


@pytest.mark.parametrize(
    ("theirs", "ours", "code"),
    [
        (World.create, World.create, TAKEN),
        (World.create, World.rename, TAKEN),
        (World.rename, World.create, TAKEN),
        (lambda world: world.log("3"), lambda world: world.log("4"), INVALID),
        (World.delete_run, World.log, INVALID),
        (World.delete, World.rename, INVALID),
    ],
)
def test_of_two_callers_one_wins_and_the_other_is_told(
    world: World, theirs: Choice, ours: Choice, code: str
) -> None:
    won, (status, told) = raced(theirs(world), ours(world))
    assert (won[0], status, told["error_code"]) == (200, 400, code)


@pytest.mark.parametrize("number", [0, 1])
def test_of_two_who_log_a_param_the_loser_leaves_nothing_to_be_seen(world: World, number: int) -> None:
    won, lost = raced(world.log("3", metric=0.5), world.log("4", metric=0.75), number)
    assert (won[0], lost[0]) == (200, 400)
    data = world.run()["data"]
    assert data["params"] == [{"key": "depth", "value": "3"}]
    metrics = found(f"metrics/get-history?run_id={world.run_id}&metric_key=mae")["metrics"]
    assert [metric["value"] for metric in metrics] == [data["metrics"][0]["value"]] == [0.5]


def test_who_renames_last_names_the_experiment_and_every_other_name_is_free(world: World) -> None:
    won, ours = raced(world.rename("a"), world.rename("b"))
    assert (won[0], ours[0]) == (200, 200)
    assert [ask(*world.create(name))[0] for name in ("one", "a", "b")] == [200, 200, 400]


@pytest.mark.parametrize("settled", [True, False])
def test_callers_that_are_in_nobodys_way_both_get_through(world: World, *, settled: bool) -> None:
    if not settled:
        ask(*world.tag("before"))
    won, ours = raced(world.log(), world.tag())
    assert (won[0], ours[0]) == (200, 200)
    data = world.run()["data"]
    assert {"team", "k"} <= {tag["key"] for tag in data["tags"]}
    assert (len(data["params"]), len(data["metrics"])) == (1, 1)


def test_a_run_that_is_indexed_between_a_read_and_a_write_of_it_waits_again(world: World) -> None:
    ask(*world.tag("before"))
    with before_write(0, lambda: tracking().keep_index(world.run_id)):
        ask("runs/log-parameter", {"run_id": world.run_id, "key": "depth", "value": "3"})
    asked = {"experiment_ids": [world.experiment_id], "filter": "params.depth = '3'"}
    assert len(ask("runs/search", asked)[1]["runs"]) == 1


@pytest.mark.parametrize(
    ("theirs", "ours"), [(World.log, World.tag), (World.delete, World.rename), (World.rename, World.delete)]
)
def test_who_always_loses_is_told_to_come_again(
    world: World, theirs: Choice, ours: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("service", "experiments"):
        monkeypatch.setattr(f"shelflife.tracking.{module}._ATTEMPTS", 1)
    with before_write(0, lambda: ask(*theirs(world))):
        answer = answered(*ours(world))
    assert is_unavailable(answer)


#: With how many writes each is made.
CHANGES: dict[Choice, int] = {
    World.create: 1,
    World.rename: 1,
    World.delete: 1,
    World.begin: 1,
    World.log: 2,
    World.delete_run: 1,
    World.model: 1,
}
_CUTS = [(change, number) for change, writes in CHANGES.items() for number in range(writes + 1)]


@pytest.mark.parametrize("fault", [cut_off, throttled])
@pytest.mark.parametrize(("change", "number"), _CUTS)
def test_a_change_that_ends_half_way_is_not_seen_and_made_whole_by_the_next(
    world: World, change: Choice, number: int, fault: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Runs of a segment are counted by chance, with a write of its own.
    monkeypatch.setattr("shelflife.tracking.dynamo_runs._STEP", 10**12)
    before, asked = world.seen(), change(world)
    with before_write(number, fault):
        answer = ended(answered, *asked)
    if number < CHANGES[change]:
        assert is_unavailable(answer) is (fault is throttled)
        assert world.seen() == before
        answer = answered(*asked)
    assert answer["statusCode"] == 200
    assert world.seen() != before
