"""A filled server is moved to our own functions, killed on the way, and is the same afterwards."""

import pytest

from infra.moving.journal import Journal
from infra.moving.keeping import KeepingTarget
from infra.moving.plan import Choice, Part, planned
from infra.moving.protocol import ProtocolTarget
from infra.moving.server import MovingError
from tests.fakes.mlflow_server import CutOffError
from tests.infra.moving.conftest import World
from tests.infra.moving.filled import CHILD, GONE, HIDDEN, PARENT, point, version

API = "/api/2.0/mlflow"
TALLIES = {
    "experiments": (3, 3),
    "runs": (4, 4),
    "metric histories": (3, 3),
    "files": (3, 3),
    "models": (1, 1),
    "versions": (2, 2),
    "prompts": (1, 1),
}


def tallies(world: World, kind: type[ProtocolTarget] | None = None) -> dict[str, tuple[int, int]]:
    report = world.verify(kind) if kind else world.verify()
    assert report.differences == []
    return {name: (tally.source, tally.equal) for name, tally in report.tallies.items()}


def test_everything_arrives_under_the_ids_that_it_had(world: World) -> None:
    assert world.move().problems == []
    assert tallies(world) == TALLIES
    info = world.ask(f"{API}/runs/get", run_id=PARENT)["run"]["info"]
    assert (info["experiment_id"], info["start_time"], info["end_time"]) == ("1", 10, 510)
    found = world.ask(f"{API}/registered-models/alias", name="bikes", alias="champion")["model_version"]
    assert (found["version"], found["current_stage"], found["creation_timestamp"]) == (
        "3",
        "Production",
        1003,
    )


def test_what_was_deleted_is_deleted(world: World) -> None:
    world.move()
    for run_id in (GONE, HIDDEN):
        assert world.ask(f"{API}/runs/get", run_id=run_id)["run"]["info"]["lifecycle_stage"] == "deleted"
    gone = world.ask(f"{API}/experiments/get", experiment_id="2")["experiment"]
    assert gone["lifecycle_stage"] == "deleted"


def test_a_second_time_moves_nothing(world: World) -> None:
    world.move()
    before = world.target_network.count
    again = world.move()
    assert (again.files, again.problems) == (0, [])
    # What is deleted is looked at, and closed again.
    assert world.target_network.count - before < 12


@pytest.mark.parametrize("killed_at", [4, 14, 27])
@pytest.mark.parametrize("side", ["source_network", "target_network"])
@pytest.mark.parametrize("kind", [None, ProtocolTarget])
def test_killed_anywhere_it_goes_on_and_ends_equal(
    world: World, killed_at: int, side: str, kind: type[ProtocolTarget] | None
) -> None:
    network = getattr(world, side)
    chosen = kind or KeepingTarget
    network.killed_at = killed_at
    with pytest.raises(CutOffError):
        world.move(chosen, workers=1)
    network.killed_at = None
    assert world.move(chosen).problems == []
    assert tallies(world, kind) == TALLIES
    runs = world.target().server.post(
        f"{API}/runs/search",
        {
            "experiment_ids": [world.target().names.experiment("1")],
            "run_view_type": "ALL",
            "max_results": 100,
        },
    )["runs"]
    assert len(runs) == 3


def test_what_changed_at_the_source_meanwhile_comes_too(world: World) -> None:
    world.move()
    (parent, *_) = world.mlflow.runs
    parent["data"]["tags"] = [{"key": "new", "value": "tag"}, parent["data"]["tags"][0]]
    world.mlflow.points[PARENT, "loss"].append(point("loss", 0.01, 900, 9))
    parent["data"]["metrics"][0] = point("loss", 0.01, 900, 9)
    world.mlflow.versions.append(version(4, f"runs:/{PARENT}/other"))
    world.mlflow.files[f"1/{PARENT}/artifacts/late.txt"] = b"late"
    assert not world.verify().equal
    assert world.move().problems == []
    assert world.verify().differences == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (("POST", f"{API}/runs/set-tag", {"run_id": PARENT, "key": "depth", "value": "9"}), "tags is"),
        (
            (
                "POST",
                f"{API}/runs/log-batch",
                {"run_id": PARENT, "metrics": [point("loss", 0.3, 100, 0)]},
            ),
            "loss is",
        ),
        (
            ("POST", f"{API}/registered-models/alias", {"name": "bikes", "alias": "x", "version": "1"}),
            "aliases is",
        ),
        (
            (
                "POST",
                f"{API}/model-versions/set-tag",
                {"name": "bikes", "version": "3", "key": "a", "value": "c"},
            ),
            "tags is",
        ),
    ],
)
def test_a_difference_is_found_whatever_the_journal_says(
    world: World, damage: tuple[str, str, dict[str, object]], told: str
) -> None:
    world.move()
    _, path, body = damage
    world.target().server.post(path, body)
    report = world.verify()
    assert not report.equal
    assert any(told in difference for difference in report.differences)


def test_a_file_that_was_spoiled_on_the_way_is_found_and_sent_again(world: World) -> None:
    world.move()
    path = f"/api/2.0/mlflow-artifacts/artifacts/1/{PARENT}/artifacts/a.txt"
    world.target().server.send("PUT", path, b"b", {})
    assert [difference.partition(":")[0] for difference in world.verify().differences] == [
        f"file 'run/{PARENT}/a.txt'"
    ]
    assert world.move().files == 1
    assert world.verify().equal


def test_a_server_with_ids_of_its_own_gets_tags_and_changed_references(world: World) -> None:
    assert world.move(ProtocolTarget).problems == []
    assert tallies(world, ProtocolTarget) == TALLIES
    names = world.target(ProtocolTarget).names
    child = world.ask(f"{API}/runs/get", run_id=names.thing(CHILD))["run"]
    known = {tag["key"]: tag["value"] for tag in child["data"]["tags"]}
    assert names.thing(CHILD) != CHILD
    assert known["shelflife.run_id"] == CHILD
    assert known["mlflow.parentRunId"] == names.thing(PARENT)
    found = world.ask(f"{API}/model-versions/get", name="bikes", version="3")["model_version"]
    assert found["source"] == f"runs:/{names.thing(PARENT)}/model"


def test_an_experiment_of_the_same_name_is_not_mixed_up(world: World) -> None:
    world.target().server.post(f"{API}/experiments/create", {"name": "bikes / größe"})
    moved = world.move()
    assert "experiment 'bikes / größe'" in moved.problems[0]
    assert "is called 'bikes / größe', too" in moved.problems[0]


def test_an_id_that_is_taken_gives_way_and_the_rest_stays(world: World) -> None:
    world.target().server.put("/v1/tracking/experiments/1", {"name": "another", "creation_time": 5})
    assert world.move().problems == []
    assert tallies(world) == TALLIES
    info = world.ask(f"{API}/runs/get", run_id=PARENT)["run"]["info"]
    assert info["experiment_id"] == world.target().names.experiment("1") != "1"


def test_what_is_refused_is_told_and_the_rest_goes_on(world: World) -> None:
    world.mlflow.runs[1]["data"]["params"] = [{"key": "k" * 300, "value": "v"}]
    moved = world.move()
    assert [problem.partition(":")[0] for problem in moved.problems] == [f"run '{CHILD}'"]
    assert {d.partition("'")[2][:32] for d in world.verify().differences} == {CHILD}


def test_a_choice_of_parts_and_experiments(world: World) -> None:
    choice = Choice(parts=frozenset({Part.RUNS}), experiments=("gone",))
    assert planned(world.source(), choice).counts == {"experiments": 1, "runs": 1}
    world.move(choice=choice)
    assert world.verify(choice=choice).equal
    assert world.source().server is not None
    with pytest.raises(MovingError, match="the source has no experiment 'cars'"):
        planned(world.source(), Choice(experiments=("cars",)))


def test_a_journal_belongs_to_one_pair_of_servers(world: World) -> None:
    world.move()
    with pytest.raises(MovingError, match="is the journal of another target"):
        Journal(world.folder / "a.journal", "http://old.test", "http://other.test")
