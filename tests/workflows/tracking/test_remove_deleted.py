"""What was deleted long ago goes with all that is its; nothing else does, whatever comes in between."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.tracing.remove_traces.handler import handler as remove_traces
from functions.tracking.find_removable.handler import handler as find_removable
from functions.tracking.index_runs.handler import handler as index_runs
from functions.tracking.remove_things.handler import handler as remove_things
from shelflife.aws import versions
from shelflife.aws.items import TableUnavailableError
from shelflife.tracking import removal_search, wiring, wiring_removal
from shelflife.tracking.dynamo_removal import DynamoRemovable
from shelflife.tracking.errors import LostRaceError
from tests.harness.removal import Filled, Mortal, filled, mentions, stored
from tests.harness.workflows import Execution, TaskFailed, run

REMOVE = "tracking/remove_deleted"


@pytest.fixture
def world() -> Iterator[Filled]:
    with filled() as there:
        yield there


def removed(handlers: dict[str, Any] | None = None, **asked: Any) -> Execution:
    return run(REMOVE, {"dry_run": False} | asked, handlers=handlers)


def test_where_nothing_is_deleted_nothing_is_removed(world: Filled) -> None:
    kept = world.run(world.experiment("kept"))
    before = stored()
    ended = removed()
    assert ended.status == "SUCCEEDED"
    assert "LetWritersEnd" not in ended.states
    assert (ended.output["runs"], ended.output["unfinished"]) == (0, False)
    assert stored() == before
    assert world.status(kept) == 200


def test_a_deleted_run_goes_with_all_that_is_its(world: Filled) -> None:
    experiment = world.experiment("kept")
    kept, gone, waiting = (world.run(experiment, metrics=many) for many in (2, 30, 2))
    model = world.model(experiment, gone)
    world.delete_run(gone)
    world.delete_run(waiting, indexed=False)
    ended = removed()
    assert (ended.status, ended.output["runs"], ended.output["files"]) == ("SUCCEEDED", 2, 4)
    assert mentions(waiting) == []
    # A logged model that was not deleted stays, and says where it came from.
    assert {key for key in mentions(gone) if model not in key} == set()
    assert world.found(experiment) == [kept]
    assert world.status(gone) == 404
    assert world.ask(f"logged-models/{model}", None, method="GET")["model"]["info"]["source_run_id"] == gone


def test_a_deleted_model_goes_and_its_run_stays(world: Filled) -> None:
    experiment = world.experiment("kept")
    run_id = world.run(experiment)
    gone, kept = (world.model(experiment, run_id) for _ in range(2))
    world.ask(f"logged-models/{gone}", None, method="DELETE")
    ended = removed()
    assert (ended.output["logged_models"], ended.output["runs"]) == (1, 0)
    assert mentions(gone) == []
    assert mentions(kept)
    assert world.status(run_id) == 200


def test_a_deleted_experiment_goes_whole(world: Filled) -> None:
    kept, gone = world.experiment("kept"), world.experiment("gone")
    stays = world.run(kept)
    runs = [world.run(gone), world.run(gone, indexed=False), world.run(gone)]
    world.delete_run(runs[2])
    models = [world.model(gone, runs[0]), world.model(gone, "")]
    for name in ("a", "b", "c"):
        world.trace(gone, name)
    before = {key for key in stored()["artifacts"] if key.startswith("traces/")}
    world.trace(kept, "d")
    spans = {key for key in stored()["artifacts"] if key.startswith("traces/")} - before
    assert (len(before), len(spans)) == (3, 1)
    world.delete_experiment(gone)
    ended = removed()
    assert ended.status == "SUCCEEDED", (ended.error, ended.cause)
    assert {name: ended.output[name] for name in ("experiments", "runs", "logged_models", "traces")} == {
        "experiments": 1,
        "runs": 3,
        "logged_models": 2,
        "traces": 6,
    }
    assert [key for key in stored()["artifacts"] if key.startswith("traces/")] == [*spans]
    assert mentions(gone, *runs, *models, "tr-a", "tr-b", "tr-c", "EXPERIMENT_NAME#gone") == []
    assert world.found(kept) == [stays]
    assert mentions("tr-d")
    # Its name is free again.
    assert world.experiment("gone") != gone


def test_the_default_experiment_stays(world: Filled) -> None:
    run_id = world.run("0")
    world.delete_run(run_id)
    world.delete_experiment("0")
    assert removed().output["experiments"] == 0
    assert mentions(run_id) == []
    assert world.ask("experiments/get?experiment_id=0", None, method="GET")["experiment"]["name"] == "Default"


def test_a_dry_run_tells_what_a_removal_does_and_does_nothing(world: Filled) -> None:
    kept, gone = world.experiment("kept"), world.experiment("gone")
    runs = [world.run(kept), world.run(gone), world.run(gone)]
    world.delete_run(runs[0])
    # It stands in a list by what it was, and in another because its entries are behind.
    world.ask("runs/set-tag", {"run_id": runs[1], "key": "late", "value": "yes"})
    world.model(gone, runs[1])
    world.trace(gone, "a")
    world.delete_experiment(gone)
    before = stored()
    dry = run(REMOVE, {})
    assert stored() == before
    real = removed()
    assert dry.output == real.output
    assert dry.output["bytes"] == 3 * len(b"firstsecond") + len(b"flavors: {}")


def test_what_was_deleted_in_the_window_stays(world: Filled) -> None:
    experiment = world.experiment("kept")
    run_id = world.run(experiment)
    world.delete_run(run_id)
    for asked in ({"older_than_days": 101}, {"deleted_before": "2020-01-01T00:00:00Z"}):
        assert removed(**asked).output["runs"] == 0
    assert removed(experiment_ids=["1", "2"]).output["runs"] == 0
    assert removed(experiment_ids=[experiment]).output["runs"] == 1


def test_what_was_deleted_this_minute_stays(world: Filled) -> None:
    """Whoever had read it before may still be writing to it."""
    wiring.experiments.cache_clear()
    wiring.tracking.cache_clear()
    experiment = world.experiment("kept")
    run_id = world.run(experiment)
    world.delete_run(run_id)
    world.delete_experiment(experiment)
    assert removed(older_than_days=0).output["runs"] == 0
    assert world.found(experiment) == [run_id]


def registered(world: Filled, name: str, **version: Any) -> None:
    world.ask("registered-models/create", {"name": name})
    world.ask("model-versions/create", {"name": name} | version)


def test_what_a_registered_version_came_from_stays(world: Filled) -> None:
    kept, gone = world.experiment("kept"), world.experiment("gone")
    used, unused, of_deleted = world.run(kept), world.run(kept), world.run(gone)
    other = world.run(gone)
    for run_id in (used, of_deleted):
        source = f"mlflow-artifacts:/{kept if run_id == used else gone}/{run_id}/artifacts/model"
        registered(world, f"of-{run_id}", source=source, run_id=run_id)
    for run_id in (used, unused):
        world.delete_run(run_id)
    world.delete_experiment(gone)
    seen: list[int] = []
    dry = run(REMOVE, {})
    real = removed(between(lambda: seen.extend([world.status(used), world.status(of_deleted)])))
    assert seen == [200, 200]
    for ended in (dry, real):
        assert (ended.output["runs"], ended.output["experiments"]) == (2, 0)
        assert ended.output["kept"] == 3  # two runs, and the experiment that one of them is in
    assert mentions(unused, other) == []
    assert world.status(used) == world.status(of_deleted) == 200
    # It can still be restored, and shows what is left of it.
    world.ask("experiments/restore", {"experiment_id": gone})
    assert world.found(gone) == [of_deleted]


def test_what_a_version_of_a_renamed_model_came_from_stays(world: Filled) -> None:
    experiment = world.experiment("kept")
    model = world.model(experiment, "")
    registered(world, "first", source=f"models:/{model}", model_id=model)
    wiring.logged_models().link_version(model, "first", 1)
    world.ask("registered-models/rename", {"name": "first", "new_name": "second"})
    world.ask(f"logged-models/{model}", None, method="DELETE")
    assert removed().output["logged_models"] == 0
    assert mentions(f"MODEL#{model}")
    world.ask("model-versions/delete", {"name": "second", "version": "1"}, method="DELETE")
    assert removed().output["logged_models"] == 1
    assert mentions(model) == []


def test_files_that_are_elsewhere_stay_and_that_is_told(world: Filled) -> None:
    experiment = world.experiment("elsewhere", artifact_location="s3://theirs/files")
    made = world.ask("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
    world.delete_run(made)
    before = stored()["artifacts"]
    ended = run(REMOVE, {"dry_run": False}, name="one")
    assert ended.output["runs"] == 1
    (told,) = wiring_removal.removal().reports.page("one", 10, None).items
    assert told.reason == f"its files stay, at s3://theirs/files/{made}/artifacts"
    assert stored()["artifacts"] == before


def between(do: Callable[[], None]) -> dict[str, Any]:
    """Handlers that do something when everything is marked and nothing is removed yet."""

    def found(event: Any, context: Any) -> Any:
        answer = find_removable(event, context)
        if answer["step"] == "wait":
            do()
        return answer

    return {"find_removable": found}


def test_what_is_marked_nobody_finds_restores_or_writes_to(world: Filled) -> None:
    kept, gone = world.experiment("kept"), world.experiment("gone")
    alone, within = world.run(kept), world.run(gone, indexed=False)
    world.delete_run(alone)
    world.delete_experiment(gone)
    answers: list[Any] = []

    def meanwhile() -> None:
        for path, body in (
            ("runs/restore", {"run_id": alone}),
            ("runs/restore", {"run_id": within}),
            ("runs/set-tag", {"run_id": alone, "key": "k", "value": "v"}),
            ("experiments/restore", {"experiment_id": gone}),
        ):
            answers.append(world.http.post(f"/api/2.0/mlflow/{path}", json=body).json()["error_code"])
        answers.append(world.found(kept) + world.found(gone))
        # The stream is late: that the run was made comes only now.
        wiring.tracking().keep_index(within)
        answers.append([key for key in mentions(within) if "INDEX" in key])

    ended = removed(between(meanwhile))
    assert ended.status == "SUCCEEDED"
    missing = "RESOURCE_DOES_NOT_EXIST"
    assert answers == [missing, missing, missing, "INVALID_STATE", [], []]
    assert mentions(alone, within, gone) == []


def test_what_is_restored_before_it_is_marked_stays(world: Filled) -> None:
    kept, gone = world.experiment("kept"), world.experiment("gone")
    alone, within = world.run(kept), world.run(gone)
    world.delete_run(alone)
    world.delete_experiment(gone)
    left = [alone, gone]

    def restored(event: Any, context: Any) -> Any:
        """Things were found; before they are marked, somebody restores them."""
        for thing in event["things"]:
            if thing["id"] in left and thing["kind"] == "run":
                world.ask("runs/restore", {"run_id": thing["id"]})
            elif thing["id"] in left:
                world.ask("experiments/restore", {"experiment_id": thing["id"]})
        return remove_things(event, context)

    ended = removed({"remove_things": restored})
    assert (ended.status, ended.output["runs"], ended.output["experiments"]) == ("SUCCEEDED", 0, 0)
    assert world.status(alone) == world.status(within) == 200
    assert world.found(gone, "ACTIVE_ONLY") == [within]


def test_who_changes_a_thing_while_it_is_marked_wins(world: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = world.run(world.experiment("kept"))
    world.delete_run(run_id)
    mark = DynamoRemovable.mark

    def late(things: DynamoRemovable, thing: Any) -> None:
        wiring.tracking().restore_run(run_id)
        mark(things, thing)

    monkeypatch.setattr(DynamoRemovable, "mark", late)
    assert removed().output["runs"] == 0
    assert world.status(run_id) == 200


def test_what_is_registered_after_it_was_marked_stays(world: Filled) -> None:
    experiment = world.experiment("kept")
    run_id = world.run(experiment)
    world.delete_run(run_id)
    source = f"mlflow-artifacts:/{experiment}/{run_id}/artifacts/model"
    ended = removed(between(lambda: registered(world, "late", source=source, run_id=run_id)))
    assert (ended.output["runs"], ended.output["kept"]) == (0, 1)
    assert world.status(run_id) == 200
    world.ask("runs/restore", {"run_id": run_id})
    assert world.found(experiment, "ACTIVE_ONLY") == [run_id]


def test_an_index_that_is_written_late_leaves_nothing(world: Filled) -> None:
    """A stream's record of a run that is gone comes again."""
    run_id = world.run(world.experiment("kept"))
    world.delete_run(run_id)
    removed()
    wiring.tracking().keep_index(run_id)
    assert mentions(run_id) == []
    assert index_runs({"Records": []}, None) is not None


def test_every_task_may_run_twice(world: Filled) -> None:
    gone = world.experiment("gone")
    runs = [world.run(gone) for _ in range(3)]
    world.trace(gone, "a")
    world.delete_experiment(gone)

    def twice(handler: Any) -> Any:
        def again(event: Any, context: Any) -> Any:
            handler(event, context)
            return handler(event, context)

        return again

    ended = removed({"find_removable": twice(find_removable), "remove_things": twice(remove_things)})
    assert (ended.status, ended.output["runs"], ended.output["experiments"]) == ("SUCCEEDED", 3, 1)
    assert mentions(gone, *runs) == []


@pytest.mark.parametrize("writes", [1, 3, 6, 10, 14, 20])
def test_cut_off_anywhere_the_next_removal_goes_on(world: Filled, writes: int) -> None:
    kept, gone = world.experiment("kept"), world.experiment("gone")
    stays, alone = world.run(kept), world.run(kept, metrics=25)
    within = world.run(gone)
    model = world.model(gone, within)
    world.trace(gone, "a")
    world.delete_run(alone)
    world.delete_experiment(gone)
    mortal = Mortal(writes)
    cut_off = removed({"remove_things": mortal.of(remove_things), "remove_traces": mortal.of(remove_traces)})
    assert (cut_off.status, cut_off.error) in {
        ("FAILED", "ThingsNotRemoved"),
        ("FAILED", "TracesNotRemoved"),
    }
    # Readers see each run whole, or not at all.
    assert {world.history(run_id) for run_id in (alone, within)} <= {29, None}
    assert world.found(kept, "ACTIVE_ONLY") == [stays]
    ended = removed()
    assert ended.status == "SUCCEEDED"
    assert mentions(alone, gone, within, model, "tr-a") == []
    assert world.status(stays) == 200


@pytest.mark.parametrize(
    "error",
    [
        TaskFailed("Lambda.TooManyRequestsException"),
        TaskFailed("Lambda.Unknown", "timed out"),
        TableUnavailableError("tracking-table", "ThrottlingException"),
        versions.ObjectsNotErasedError("artifacts", "tracking/", "SlowDown"),
        LostRaceError("run 'a' was changed"),
    ],
    ids=lambda error: getattr(error, "error", type(error).__name__),
)
def test_what_passes_is_tried_again(world: Filled, error: Exception) -> None:
    run_id = world.run(world.experiment("kept"))
    world.delete_run(run_id)
    left = [error, error]

    def stumbling(event: Any, context: Any) -> Any:
        if left:
            raise left.pop()
        return remove_things(event, context)

    assert removed({"remove_things": stumbling}).output["runs"] == 1
    assert mentions(run_id) == []


@pytest.mark.parametrize(
    ("task", "failed"),
    [
        ("find_removable", "RemovableNotFound"),
        ("find_registered", "RegisteredNotFound"),
        ("remove_traces", "TracesNotRemoved"),
        ("remove_things", "ThingsNotRemoved"),
    ],
)
def test_what_stays_broken_ends_the_removal_and_removes_nothing_more(
    world: Filled, task: str, failed: str
) -> None:
    gone = world.experiment("gone")
    run_id = world.run(gone)
    world.trace(gone, "a")
    world.delete_experiment(gone)

    def broken(_event: Any, _context: Any) -> Any:
        raise TaskFailed("Lambda.Broken", "no answer")

    ended = removed({task: broken})
    assert (ended.status, ended.error) == ("FAILED", failed)
    if task != "remove_traces":
        assert mentions(f"RUN#{run_id}")
    assert mentions(f"EXPERIMENTS|{gone}")


def test_a_removal_leaves_what_is_too_much_to_the_next(
    world: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal_search, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(removal_search, "MOST_PAGES", 3)
    gone = world.experiment("gone")
    runs = [world.run(gone) for _ in range(7)]
    world.delete_experiment(gone)
    counted = []
    for _ in range(5):
        ended = removed()
        assert ended.status == "SUCCEEDED"
        counted.append(ended.output["runs"])
        if not ended.output["unfinished"]:
            break
    assert sum(counted) == len(runs)
    assert len(counted) > 1
    assert mentions(gone, *runs) == []
