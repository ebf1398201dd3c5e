"""Removals as administrators ask for them, run to their end by the real workflow."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from functions.tracking.removals.handler import handler
from infra.cli import gc
from infra.cli.cloud import UsageError
from infra.cli.gc import Asked, collect
from infra.moving.server import RefusedError
from shelflife.aws.clients import client
from shelflife.tracking import wiring_removal
from shelflife.tracking.removal_executions import SfnRemovals
from tests.harness.events import LambdaContext, http_event
from tests.harness.removal import Filled, filled, mentions, stored
from tests.harness.workflows import deployed, ended

PATH = "/v1/tracking/removals"


@pytest.fixture(autouse=True)
def installed() -> None:
    """Instead of the folder's: here everything is filled."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Filled]:
    with filled() as there, deployed("tracking/remove_deleted") as arn:
        monkeypatch.setenv("REMOVE_DELETED_ARN", arn)
        yield there


def finished(world: Filled, removal: Any) -> Any:
    arn = wiring_removal.removals().executions.state_machine_arn  # type: ignore[attr-defined]  # it is Step Functions'
    execution = f"{arn.replace(':stateMachine:', ':execution:')}:{removal['removal_id']}"
    ended(execution)
    return world.ask(f"{PATH}/{removal['removal_id']}", None, method="GET")


def gone(world: Filled) -> tuple[str, list[str]]:
    experiment = world.experiment("gone")
    runs = [world.run(experiment) for _ in range(2)]
    world.delete_experiment(experiment)
    return experiment, runs


def test_a_removal_is_a_dry_run_unless_it_is_said_otherwise(world: Filled) -> None:
    experiment, runs = gone(world)
    before = stored()
    dry = world.ask(PATH, {}, status=202)
    assert (dry["status"], dry["dry_run"], dry["asked_by"]) == ("running", True, "tester")
    done = finished(world, dry)
    assert (done["status"], done["tally"]["runs"], done["problem"]) == ("succeeded", 2, None)
    assert stored() == before
    real = world.ask(PATH, {"dry_run": False, "deleted_before": done["deleted_before"]}, status=202)
    assert finished(world, real)["tally"] == done["tally"]
    assert mentions(experiment, *runs) == []
    listed = world.ask(PATH, None, method="GET")["removals"]
    assert {one["removal_id"] for one in listed} == {dry["removal_id"], real["removal_id"]}
    assert {one["status"] for one in listed} == {"succeeded"}


def test_what_became_of_each_thing_is_told_in_pages(world: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.tracking.removal_search.MOST_AT_ONCE", 1)
    experiment, runs = gone(world)
    removal = finished(world, world.ask(PATH, {}, status=202))
    path, found = f"{PATH}/{removal['removal_id']}/things", []
    cursor = ""
    while True:
        page = world.ask(f"{path}?limit=1{cursor}", None, method="GET")
        found += page["things"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [(one["kind"], one["outcome"]) for one in found] == [
        ("run", "removable"),
        ("run", "removable"),
        ("experiment", "removable"),
    ]
    assert {one["id"] for one in found} == {experiment, *runs}
    assert {(one["name"], one["files"], one["bytes"]) for one in found if one["kind"] == "run"} == {
        ("milk", 2, 11)
    }


def test_one_key_is_one_removal(world: Filled) -> None:
    def start(status: int = 202, **scope: Any) -> Any:
        answer = world.http.post(PATH, json=scope, headers={"Idempotency-Key": "spring"})
        assert answer.status_code == status, answer.text
        return answer.json()

    first, again = start(older_than_days=1), start(older_than_days=1)
    finished(world, first)
    assert first["removal_id"] == again["removal_id"] == start(older_than_days=1)["removal_id"]
    problem = start(409, older_than_days=2)
    assert problem["type"].endswith("/removal-key-reused")
    assert first["removal_id"] in problem["detail"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"older_than_days": -1}, "older_than_days"),
        ({"older_than_days": "soon"}, "older_than_days"),
        ({"deleted_before": "2020-01-01T00:00:00"}, "deleted_before"),
        ({"deleted_before": "2920-01-01T00:00:00Z"}, "deleted_before"),
        ({"deleted_before": "2020-01-01T00:00:00Z", "older_than_days": 1}, "deleted_before"),
        ({"experiment_ids": ["1"] * 1001}, "experiment_ids"),
        ({"run_ids": ["a"]}, "run_ids"),
        ({"dry_run": "perhaps"}, "dry_run"),
    ],
)
def test_a_scope_that_means_nothing_is_refused(world: Filled, asked: Any, field: str) -> None:
    problem = world.ask(PATH, asked, status=400)
    assert field in str(problem)
    assert world.ask(PATH, None, method="GET")["removals"] == []


def test_what_is_not_there_is_404(world: Filled) -> None:
    for path in (f"{PATH}/nothing", f"{PATH}/nothing/things"):
        assert world.ask(path, None, method="GET", status=404)["type"].endswith("/removal-not-found")


@pytest.mark.parametrize("role", ["viewer", "contributor", "approver", None])
@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", ""), ("GET", "/a"), ("GET", "/a/things")])
def test_only_administrators_may(world: Filled, method: str, path: str, role: str | None) -> None:
    asked = http_event(method, PATH + path, {} if method == "POST" else None, role=role)
    assert handler(asked, LambdaContext())["statusCode"] == (403 if role else 401)


def test_a_failed_removal_says_so(world: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    gone(world)
    monkeypatch.setenv("REMOVAL_GRACE_SECONDS", "not a number")
    removal = finished(world, world.ask(PATH, {}, status=202))
    assert (removal["status"], removal["problem"]["error"]) == ("failed", "RemovableNotFound")
    server = FromDoors(world)
    with pytest.raises(UsageError, match="ended with RemovableNotFound"):
        collect(server, Asked(None, (), dry_run=False, yes=True), lambda _: None)  # type: ignore[arg-type]  # as much of it as is asked


def test_a_store_that_does_not_answer_is_503(world: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SfnRemovals(client("stepfunctions"), "arn:aws:states:eu-west-1:1:stateMachine:none")
    monkeypatch.setenv("REMOVE_DELETED_ARN", broken.state_machine_arn)
    assert world.ask(PATH, {}, status=503)["type"].endswith("/removal-not-started")


class FromDoors:
    """A server's part that the command asks, straight from the doors."""

    url = "http://shelflife.test"

    def __init__(self, world: Filled) -> None:
        self.world = world

    def post(self, path: str, body: Any, *, once: bool = False) -> Any:
        assert once
        removal = self._answered("POST", path, json=body)
        # A function answers one event at a time: nobody asks again while the workflow's own run here.
        finished(self.world, removal)
        return removal

    def get(self, path: str, query: Any = None) -> Any:
        return self._answered("GET", path, params=query)

    def _answered(self, method: str, path: str, **asked: Any) -> Any:
        answer = self.world.http.request(method, path, **asked)
        if answer.is_error:
            raise RefusedError(method, path, answer.status_code, answer.text)
        return answer.json()


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(record=True, width=200, highlight=False)
    monkeypatch.setattr(gc, "console", console)
    return console


@pytest.mark.parametrize(("answer", "removed"), [("y", 2), ("n", 0)])
def test_the_command_shows_asks_and_removes(
    world: Filled, printed: Console, monkeypatch: pytest.MonkeyPatch, answer: str, removed: int
) -> None:
    experiment, runs = gone(world)
    monkeypatch.setattr("builtins.input", lambda *_: answer)
    collect(FromDoors(world), Asked(30, (experiment,), dry_run=False, yes=False), lambda _: None)  # type: ignore[arg-type]  # as much of it as is asked
    said = printed.export_text()
    assert re.search(rf"removable +run {runs[0]} milk", said)
    assert re.search(r"runs +2 +to remove", said)
    assert bool(re.search(r"runs +2 +removed", said)) == bool(removed)
    assert (mentions(experiment, *runs) == []) == bool(removed)


def test_the_command_only_shows_if_it_is_told_to(world: Filled, printed: Console) -> None:
    gone(world)
    before = stored()
    collect(FromDoors(world), Asked(None, (), dry_run=True, yes=True), lambda _: None)  # type: ignore[arg-type]  # as much of it as is asked
    assert stored() == before
    assert "experiments" in printed.export_text()


def test_the_command_asks_nothing_where_there_is_nothing(world: Filled, printed: Console) -> None:
    collect(FromDoors(world), Asked(None, (), dry_run=False, yes=False), lambda _: None)  # type: ignore[arg-type]  # as much of it as is asked
    assert "for good?" not in printed.export_text()
