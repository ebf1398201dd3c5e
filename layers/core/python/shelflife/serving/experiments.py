"""Experiments, as people start, read and stop them; what they count is told by goals.py."""

from dataclasses import dataclass

from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.paging import Page
from shelflife.serving.errors import (
    CapturesNeededError,
    DeploymentExperimentNotFoundError,
    DeploymentNotFoundError,
    DeploymentNotReadyError,
    ExperimentOverError,
    ExperimentRunningError,
    RivalsNeededError,
    RolloutRunningError,
    WinnerUnknownError,
)
from shelflife.serving.experiment import Experiment, GoalMetric
from shelflife.serving.experiment_endings import ExperimentEndings
from shelflife.serving.experiment_ports import Experiments
from shelflife.serving.model import Change, Deployment, is_name
from shelflife.serving.ports import Deployments
from shelflife.serving.standing import Standing, standing
from shelflife.serving.traffic import TrafficRule


@dataclass(frozen=True, slots=True)
class ExperimentControl:
    deployments: Deployments
    experiments: Experiments
    endings: ExperimentEndings
    now: Clock
    new_id: NewId

    def start(self, name: str, goal: GoalMetric, change: Change) -> Experiment:
        """Compare the live variants of the deployment's rule from now on; the rule stays until it is stopped.

        Asked again for the experiment that is running, that one is answered.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            DeploymentNotReadyError: it answers nothing yet.
            RolloutRunningError: a rollout is changing its traffic.
            ExperimentRunningError: another experiment is running.
            RivalsNeededError: not two variants have traffic, the stable one among them.
            CapturesNeededError: nothing is captured that goals could join.
            DeploymentChangedError: somebody else changed the deployment meanwhile.
        """
        deployment = self._deployment(name)
        if deployment.experiment_id is not None:
            running = self.find(name, deployment.experiment_id)
            if running.goal == goal:
                return running
            raise ExperimentRunningError(name, deployment.experiment_id)
        if deployment.rollout_id is not None:
            raise RolloutRunningError(name, deployment.rollout_id)
        experiment = Experiment(
            experiment_id=self.new_id(),
            deployment=name,
            model_name=deployment.model_name,
            revision=deployment.revision,
            variants=_rivals(deployment),
            goal=goal,
            started_at=self.now(),
            started_by=change.changed_by,
            reason=change.reason,
        )
        self.deployments.change(deployment.experimenting(experiment.experiment_id), experiment=experiment)
        return experiment.written

    def find(self, name: str, experiment_id: str) -> Experiment:
        """The experiment as it is now.

        Raises:
            DeploymentExperimentNotFoundError: the deployment has no such experiment.
        """
        found = self.experiments.find(name, experiment_id) if is_name(name) else None
        if found is None:
            raise DeploymentExperimentNotFoundError(name, experiment_id)
        return found

    def page(self, name: str, limit: int, cursor: str | None) -> Page[Experiment]:
        """The deployment's experiments, newest first; known also after its removal.

        Raises:
            DeploymentNotFoundError: it has none, and does not exist.
        """
        found = self.experiments.page(name, limit, cursor) if is_name(name) else Page[Experiment](items=())
        if not found.items:
            self._deployment(name)
        return found

    def standing(self, experiment: Experiment) -> Standing:
        """What the experiment shows by now; it may be looked at as often as one likes."""
        return standing(experiment, self.experiments.tally(experiment.experiment_id))

    def stop(self, name: str, experiment_id: str, change: Change, winner: str | None = None) -> Experiment:
        """End the experiment; the winner, if there is one, answers everything from then on.

        Raises:
            DeploymentExperimentNotFoundError: the deployment has no such experiment.
            ExperimentOverError: it has ended.
            WinnerUnknownError: the winner is none of its variants.
            VersionNotDeployableError: the winner cannot answer any more.
            DeploymentChangedError: somebody else changed the deployment or the experiment meanwhile.
        """
        experiment = self.find(name, experiment_id)
        if experiment.state.is_over:
            raise ExperimentOverError(name, experiment_id, experiment.state.value)
        if winner is not None and winner not in experiment.variants:
            raise WinnerUnknownError(winner, experiment.variants)
        rule = self._won(experiment, winner) if winner is not None else None
        return self.endings.end(experiment, change, winner=winner, rule=rule)

    def _won(self, experiment: Experiment, winner: str) -> TrafficRule | None:
        revision = self.deployments.revision(experiment.deployment, experiment.revision)
        if revision is None:
            return None
        rule = revision.traffic.rule
        return rule.with_all_to(next(variant for variant in rule.live if variant.name == winner))

    def _deployment(self, name: str) -> Deployment:
        found = self.deployments.find(name) if is_name(name) else None
        if found is None:
            raise DeploymentNotFoundError(name)
        return found


def _rivals(deployment: Deployment) -> tuple[str, ...]:
    """Names of the variants to compare, the control first."""
    if deployment.traffic is None:
        raise DeploymentNotReadyError(deployment.name, deployment.reason or deployment.state.value)
    if not deployment.capture.sampling_rate:
        raise CapturesNeededError(deployment.name)
    rule = deployment.traffic.rule
    rivals = tuple(variant.name for variant in rule.live if variant.slots)
    if len(rivals) == 1 or not rule.stable.slots:
        raise RivalsNeededError(deployment.name)
    return rivals
