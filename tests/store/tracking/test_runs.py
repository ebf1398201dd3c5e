import math
import secrets
from dataclasses import replace
from typing import Any

import pytest

from shelflife.tracking.dynamo_runs import DynamoRuns, DynamoSegments
from shelflife.tracking.errors import LostRaceError, RunExistsError, RunTooLargeError
from shelflife.tracking.model import Lifecycle, Metric, Run, RunStatus, Segment
from shelflife.tracking.ports import Runs, Segments
from shelflife.tracking.settings import TABLE
from tests.fakes.tracking import MemoryRuns, MemorySegments
from tests.harness.cloud import make_table


def run(run_id: str, start_time: int = 5, experiment_id: str = "1") -> Run:
    return Run(
        run_id=run_id,
        experiment_id=experiment_id,
        run_name="ripe-plum-417",
        user_id="ada",
        status=RunStatus.RUNNING,
        start_time=start_time,
        artifact_uri=f"mlflow-artifacts:/1/{run_id}/artifacts",
        params={"depth": "3", "größe": ""},
        tags={"team": "risk"},
        metrics={
            "mae": Metric("mae", 0.1 + 0.2, 7, 2),
            "largest": Metric("largest", 1.7976931348623157e308, 7, -3),
        },
    )


@pytest.fixture(params=["memory", "dynamo"])
def runs(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryRuns()
    request.getfixturevalue("aws")
    return DynamoRuns(make_table(TABLE))


def test_an_id_is_given_once(runs: Runs) -> None:
    runs.add(run("a"))
    with pytest.raises(RunExistsError):
        runs.add(run("a", start_time=6))
    assert runs.find("a") == run("a")


def test_a_run_comes_back_as_it_was(runs: Runs) -> None:
    runs.add(run("a"))
    assert runs.find("a") == run("a")
    ended = replace(run("a"), status=RunStatus.FINISHED, end_time=9, lifecycle=Lifecycle.DELETED)
    runs.replace(ended)
    assert runs.find("a") == replace(ended, revision=1)


def test_a_run_is_found_as_soon_as_it_is_there(runs: Runs) -> None:
    assert runs.find("a") is None
    runs.add(run("a"))
    assert runs.find("a") is not None


def test_not_a_number_comes_back(runs: Runs) -> None:
    runs.add(replace(run("a"), metrics={"mae": Metric("mae", math.nan, 7, 2)}))
    found = runs.find("a")
    assert found is not None
    assert math.isnan(found.metrics["mae"].value)


def test_who_has_not_seen_the_last_change_loses(runs: Runs) -> None:
    runs.add(run("a"))
    runs.replace(replace(run("a"), params={"winner": "yes"}))
    with pytest.raises(LostRaceError):
        runs.replace(replace(run("a"), params={"winner": "no"}))
    found = runs.find("a")
    assert found is not None
    assert found.params == {"winner": "yes"}


def test_a_run_with_a_hundred_of_the_longest_params_fits(runs: Runs) -> None:
    params = {f"param {number}": secrets.token_hex(1500)[:3000] + "x" * 3000 for number in range(100)}
    runs.add(replace(run("a"), params=params))
    found = runs.find("a")
    assert found is not None
    assert found.params == params


def test_a_run_that_no_longer_fits_is_refused_with_its_size(aws: None) -> None:
    runs = DynamoRuns(make_table(TABLE))
    runs.add(run("a"))
    with pytest.raises(RunTooLargeError, match="380000"):
        runs.replace(replace(run("a"), params={str(at): secrets.token_hex(4000) for at in range(100)}))
    assert runs.find("a") == run("a")


@pytest.fixture(params=["memory", "dynamo"])
def segments(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "memory":
        return MemorySegments(size=3)
    request.getfixturevalue("aws")
    monkeypatch.setattr("shelflife.tracking.dynamo_runs._STEP", 1)
    return DynamoSegments(make_table(TABLE), size=3)


def test_a_full_segment_is_followed_by_another_and_all_are_told(segments: Segments) -> None:
    assert segments.all("1") == [Segment("1", 0)]
    opened = [segments.open("1").number for _ in range(7)]
    assert opened == [0, 0, 0, 1, 1, 1, 2]
    assert segments.all("1") == [Segment("1", 2), Segment("1", 1), Segment("1", 0)]
    assert segments.open("2") == Segment("2", 0)


def test_who_closes_a_segment_late_does_not_forget_what_the_next_one_holds(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelflife.tracking.dynamo_runs._STEP", 1)
    table = make_table(TABLE)
    others = DynamoSegments(table, size=2)

    class Late:
        """A client whose second update comes after others closed the segment and counted on."""

        updates = 0

        def __getattr__(self, name: str) -> Any:
            if name == "update_item":
                self.updates += 1
                if self.updates == 2:
                    assert [others.open("1").number for _ in range(2)] == [0, 1]
            return getattr(table.client, name)

    others.open("1")
    late: Any = Late()
    DynamoSegments(replace(table, client=late), size=2).open("1")
    assert [others.open("1").number for _ in range(2)] == [1, 2]


def test_who_counts_late_does_not_fill_the_next_segment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.tracking.dynamo_runs._STEP", 1)
    table = make_table(TABLE)
    late, early = DynamoSegments(table, size=2), DynamoSegments(table, size=2)
    late.open("2")
    assert late.open("1").number == 0
    assert early.open("1").number == 0
    late.remember("1", 0)
    assert [late.open("1").number, late.open("1").number, early.open("1").number] == [0, 1, 1]
