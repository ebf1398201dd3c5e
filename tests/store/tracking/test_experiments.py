from typing import Any

import pytest

from shelflife.tracking.dynamo_experiments import DynamoExperiments
from shelflife.tracking.errors import ExperimentExistsError, LostRaceError
from shelflife.tracking.model import Experiment, Lifecycle
from shelflife.tracking.ports import Experiments
from shelflife.tracking.settings import TABLE
from tests.fakes.tracking import MemoryExperiments
from tests.harness.cloud import make_table


def experiment(number: int, name: str | None = None) -> Experiment:
    return Experiment(
        experiment_id=str(number),
        name=name or f"experiment {number}",
        artifact_location=f"mlflow-artifacts:/{number}",
        lifecycle=Lifecycle.ACTIVE,
        creation_time=1_795_161_600_000 + number,
        last_update_time=1_795_161_600_000 + number,
        tags={"team": "risk"},
    )


def renamed(known: Experiment, name: str) -> Experiment:
    return known.model_copy(update={"name": name})


@pytest.fixture(params=["memory", "dynamo"])
def experiments(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryExperiments()
    request.getfixturevalue("aws")
    return DynamoExperiments(make_table(TABLE))


def test_an_experiment_comes_back_as_it_was(experiments: Experiments) -> None:
    experiments.add(experiment(1))
    assert experiments.find("1") == experiments.find_by_name("experiment 1") == experiment(1)
    assert experiments.find("2") is experiments.find_by_name("experiment 2") is None


@pytest.mark.parametrize("second", [experiment(2, "experiment 1"), experiment(1, "another")])
def test_names_and_ids_are_taken_once(experiments: Experiments, second: Experiment) -> None:
    experiments.add(experiment(1))
    with pytest.raises(ExperimentExistsError):
        experiments.add(second)
    assert list(experiments.every()) == [experiment(1)]


def test_a_renamed_experiment_leaves_its_name_to_others(experiments: Experiments) -> None:
    experiments.add(experiment(1))
    experiments.replace(renamed(experiment(1), "new"), former_name="experiment 1")
    experiments.add(experiment(2, "experiment 1"))
    found = experiments.find_by_name("new")
    assert found is not None
    assert (found.experiment_id, found.revision) == ("1", 1)


def test_a_name_that_is_taken_is_not_given_again(experiments: Experiments) -> None:
    experiments.add(experiment(1))
    experiments.add(experiment(2))
    with pytest.raises(ExperimentExistsError):
        experiments.replace(renamed(experiment(1), "experiment 2"), former_name="experiment 1")
    assert experiments.find("1") == experiments.find_by_name("experiment 1") == experiment(1)


def test_who_has_not_seen_the_last_change_loses(experiments: Experiments) -> None:
    experiments.add(experiment(1))
    experiments.replace(experiment(1), former_name="experiment 1")
    with pytest.raises(LostRaceError):
        experiments.replace(experiment(1), former_name="experiment 1")
    with pytest.raises(LostRaceError):
        experiments.replace(renamed(experiment(1), "new"), former_name="experiment 1")
    assert experiments.find_by_name("new") is None
