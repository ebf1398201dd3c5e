"""Experiments and runs of another server, which keep the ids and the times that they had there."""

from dataclasses import dataclass

from shelflife.tracking.errors import (
    ExperimentExistsError,
    ExperimentTakenError,
    LoggedModelTakenError,
    RunExistsError,
    RunRemovingError,
    RunTakenError,
)
from shelflife.tracking.experiments import ExperimentBook, active
from shelflife.tracking.logged_model import LoggedModel
from shelflife.tracking.logged_models import NewModel, models_of
from shelflife.tracking.model import (
    ARTIFACT_ROOT,
    DEFAULT_EXPERIMENT_ID,
    RUN_NAME_TAG,
    Experiment,
    Lifecycle,
    Run,
    RunStatus,
)
from shelflife.tracking.ports import Experiments, KeptModels, Runs, Segments


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is asked a second time is there already, and stays as it is; nothing else is written over."""

    book: ExperimentBook
    experiments: Experiments
    runs: Runs
    models: KeptModels
    segments: Segments

    def experiment(self, experiment_id: str, *, name: str, creation_time: int) -> Experiment:
        """Take the experiment in, without tags and runs.

        Raises:
            ExperimentTakenError: the id is another's.
            ExperimentExistsError: the name is another's.
        """
        wanted = Experiment(
            experiment_id=experiment_id,
            name=name,
            artifact_location=f"{ARTIFACT_ROOT}{experiment_id}",
            lifecycle=Lifecycle.ACTIVE,
            creation_time=creation_time,
            last_update_time=creation_time,
            tags={},
        )
        known = self.experiments.find(experiment_id)
        if known is None:
            try:
                self.experiments.add(wanted)
            except ExperimentExistsError:
                known = self.experiments.find(experiment_id)
                if known is None:
                    raise
        if known is not None and not _is_same_experiment(known, wanted):
            raise ExperimentTakenError(experiment_id, known.name)
        return known or wanted

    def run(self, run_id: str, *, experiment_id: str, run_name: str, user_id: str, start_time: int) -> Run:
        """Take the run in; what was logged to it is logged again afterwards, and then it is ended.

        Raises:
            ExperimentNotFoundError: there is no such experiment.
            ExperimentDeletedError: it is deleted.
            RunTakenError: the id is another's.
            RunRemovingError: it was another's, and is not free yet.
        """
        experiment = active(self.book.get(experiment_id))
        wanted = Run(
            run_id=run_id,
            experiment_id=experiment_id,
            run_name=run_name,
            user_id=user_id,
            status=RunStatus.RUNNING,
            start_time=start_time,
            artifact_uri=f"{experiment.artifact_location}/{run_id}/artifacts",
            tags={RUN_NAME_TAG: run_name} if run_name else {},
            part=self.segments.open(experiment_id).number,
        )
        known = self.runs.find(run_id)
        if known is None:
            try:
                self.runs.add(wanted)
            except RunExistsError as error:
                known = self.runs.find(run_id)
                if known is None:
                    raise RunRemovingError(run_id) from error
        if known is not None and _origin(known) != _origin(wanted):
            raise RunTakenError(run_id, known.experiment_id)
        return known or wanted

    def logged_model(self, model_id: str, new: NewModel, *, creation_time: int) -> LoggedModel:
        """Take the logged model in; what is known of it otherwise is logged afterwards, and then it is ended.

        Raises:
            ExperimentNotFoundError: there is no such experiment.
            ExperimentDeletedError: it is deleted.
            LoggedModelTakenError: the id is another's.
        """
        experiment = active(self.book.get(new.experiment_id))
        known = self.models.find(model_id)
        if known is not None:
            if (known.experiment_id, known.creation_time) != (new.experiment_id, creation_time):
                raise LoggedModelTakenError(model_id, known.experiment_id)
            return known
        model = LoggedModel(
            model_id=model_id,
            experiment_id=new.experiment_id,
            name=new.name or "",
            artifact_uri=f"{experiment.artifact_location}/models/{model_id}/artifacts",
            creation_time=creation_time,
            last_update_time=creation_time,
            model_type=new.model_type,
            source_run_id=new.source_run_id,
            part=self.segments.open(models_of(new.experiment_id)).number,
        )
        self.models.add(model)
        return model


def _is_same_experiment(known: Experiment, wanted: Experiment) -> bool:
    if known.name != wanted.name:
        return False
    # The default experiment is everywhere from the beginning, but not since the same time.
    return known.experiment_id == DEFAULT_EXPERIMENT_ID or known.creation_time == wanted.creation_time


def _origin(run: Run) -> tuple[str, str, int]:
    return run.experiment_id, run.user_id, run.start_time
