from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shelflife.tracking.adoption import Adoption
from shelflife.tracking.errors import (
    ExperimentDeletedError,
    ExperimentExistsError,
    ExperimentTakenError,
    LoggedModelTakenError,
    RunTakenError,
)
from shelflife.tracking.experiments import ExperimentBook
from shelflife.tracking.logged_models import NewModel
from shelflife.tracking.model import Experiment, Run
from tests.fakes.tracking import MemoryExperiments, MemoryLoggedModels, MemoryRuns, MemorySegments

RUN: dict[str, Any] = {"experiment_id": "7", "run_name": "r", "user_id": "ada", "start_time": 5}


class RacedExperiments(MemoryExperiments):
    """`meanwhile` is what another import does just before ours writes."""

    meanwhile: Callable[[], object] | None = None

    def add(self, experiment: Experiment) -> None:
        if self.meanwhile:
            do, self.meanwhile = self.meanwhile, None
            do()
        super().add(experiment)


class RacedRuns(MemoryRuns):
    """See above."""

    meanwhile: Callable[[], object] | None = None

    def add(self, run: Run) -> None:
        if self.meanwhile:
            do, self.meanwhile = self.meanwhile, None
            do()
        super().add(run)


@pytest.fixture
def experiments() -> RacedExperiments:
    return RacedExperiments()


@pytest.fixture
def runs() -> RacedRuns:
    return RacedRuns()


@pytest.fixture
def adoption(experiments: RacedExperiments, runs: RacedRuns) -> Adoption:
    book = ExperimentBook(experiments, lambda: datetime(2026, 11, 20, tzinfo=UTC), lambda: "99")
    book.keep_default()
    return Adoption(book, experiments, runs, MemoryLoggedModels(), MemorySegments())


def bikes(adoption: Adoption, experiment_id: str = "7", creation_time: int = 3) -> Experiment:
    return adoption.experiment(experiment_id, name="bikes", creation_time=creation_time)


def test_an_experiment_keeps_its_id_and_its_time(adoption: Adoption) -> None:
    made = bikes(adoption)
    assert (made.experiment_id, made.creation_time, made.artifact_location) == ("7", 3, "mlflow-artifacts:/7")
    assert adoption.book.get_by_name("bikes") == made


def test_the_same_experiment_again_changes_nothing(adoption: Adoption) -> None:
    bikes(adoption)
    adoption.book.set_tag("7", "team", "risk")
    assert bikes(adoption).tags == {"team": "risk"}


def test_another_experiment_is_never_written_over(adoption: Adoption) -> None:
    bikes(adoption)
    with pytest.raises(ExperimentTakenError, match="experiment '7' is another one here, named 'bikes'"):
        adoption.experiment("7", name="cars", creation_time=3)
    with pytest.raises(ExperimentTakenError):
        bikes(adoption, creation_time=4)
    with pytest.raises(ExperimentExistsError):
        bikes(adoption, "8")


def test_the_default_experiment_is_the_same_everywhere(adoption: Adoption) -> None:
    assert adoption.experiment("0", name="Default", creation_time=1).creation_time > 1
    with pytest.raises(ExperimentTakenError):
        adoption.experiment("0", name="other", creation_time=1)


def test_a_run_keeps_its_id_and_its_times(adoption: Adoption) -> None:
    bikes(adoption)
    made = adoption.run("a" * 32, **RUN)
    assert (made.run_id, made.start_time, made.user_id) == ("a" * 32, 5, "ada")
    assert made.artifact_uri == f"mlflow-artifacts:/7/{'a' * 32}/artifacts"


def test_the_same_run_again_is_as_it_was_left(adoption: Adoption) -> None:
    bikes(adoption)
    first = adoption.run("a", **RUN)
    assert adoption.run("a", **(RUN | {"run_name": "renamed since"})) == first


@pytest.mark.parametrize("other", [{"start_time": 6}, {"user_id": "bob"}, {"experiment_id": "0"}])
def test_another_run_is_never_written_over(adoption: Adoption, other: dict[str, object]) -> None:
    bikes(adoption)
    adoption.run("a", **RUN)
    with pytest.raises(RunTakenError):
        adoption.run("a", **(RUN | other))


def test_two_imports_at_once_make_one_run_and_one_experiment(
    adoption: Adoption, experiments: RacedExperiments, runs: RacedRuns
) -> None:
    experiments.meanwhile = lambda: bikes(adoption)
    assert bikes(adoption).experiment_id == "7"
    runs.meanwhile = lambda: adoption.run("a", **RUN)
    assert adoption.run("a", **RUN).run_id == "a"
    runs.meanwhile = lambda: adoption.run("b", **(RUN | {"user_id": "bob"}))
    with pytest.raises(RunTakenError):
        adoption.run("b", **RUN)


def test_a_deleted_experiment_takes_in_no_run(adoption: Adoption) -> None:
    bikes(adoption)
    adoption.book.delete("7")
    with pytest.raises(ExperimentDeletedError):
        adoption.run("a", **RUN)


def test_a_logged_model_keeps_its_id_and_its_time(adoption: Adoption) -> None:
    bikes(adoption)
    new = NewModel("7", "model", "onnx", "a")
    made = adoption.logged_model("m-1", new, creation_time=5)
    assert (made.model_id, made.creation_time, made.source_run_id) == ("m-1", 5, "a")
    assert made.artifact_uri == "mlflow-artifacts:/7/models/m-1/artifacts"
    assert adoption.logged_model("m-1", new, creation_time=5) == made
    with pytest.raises(LoggedModelTakenError):
        adoption.logged_model("m-1", new, creation_time=6)
