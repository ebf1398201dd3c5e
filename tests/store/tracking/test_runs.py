import math
import secrets
from dataclasses import replace
from typing import Any

import pytest

from shelflife.tracking.dynamo import DynamoRuns
from shelflife.tracking.errors import LostRaceError, RunTooLargeError
from shelflife.tracking.model import Lifecycle, Metric, Run, RunStatus
from shelflife.tracking.ports import Runs
from shelflife.tracking.settings import TABLE
from tests.fakes.tracking import MemoryRuns
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


def test_an_experiments_runs_come_latest_start_first(runs: Runs) -> None:
    for run_id, start_time in [("a", 10), ("b", 9), ("c", 1_795_161_600_000), ("d", 10)]:
        runs.add(run(run_id, start_time))
    runs.add(run("elsewhere", 11, experiment_id="12"))
    assert [found.run_id for found in runs.of("1")] == ["c", "d", "a", "b"]
    assert list(runs.of("2")) == []


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
