"""How an experiment ends: the deployment's traffic may change again, and everybody is told."""

from dataclasses import dataclass

from shelflife.contracts.serving import ExperimentEnded
from shelflife.kernel.ids import Clock, NewId
from shelflife.serving.experiment import Experiment
from shelflife.serving.experiment_ports import Experiments
from shelflife.serving.model import Change, Deployment
from shelflife.serving.ports import Deployments
from shelflife.serving.shifts import Shifts
from shelflife.serving.traffic import TrafficRule


@dataclass(frozen=True, slots=True)
class ExperimentEndings:
    deployments: Deployments
    experiments: Experiments
    shifts: Shifts
    now: Clock
    new_id: NewId

    def end(
        self,
        experiment: Experiment,
        change: Change,
        *,
        winner: str | None = None,
        rule: TrafficRule | None = None,
    ) -> Experiment:
        """End the experiment; the deployment answers by the rule from then on, or goes on as it does.

        The rule, the experiment and the news of it are one write.

        Raises:
            VersionUnknownError: the rule names a version that the registry does not know.
            VersionNotDeployableError: the rule names a version that cannot answer.
            DeploymentChangedError: somebody else changed the deployment or the experiment meanwhile.
        """
        ended = experiment.ended(change.changed_by, change.reason, self.now(), winner)
        deployment = self.deployments.find(experiment.deployment)
        if deployment is None or deployment.experiment_id != experiment.experiment_id:
            # It was deleted meanwhile, and perhaps made again: that traffic is not of this experiment.
            return self.experiments.change(ended)
        free, news = deployment.experimenting(None), [self._news(ended, deployment)]
        if rule is None or (free.traffic is not None and free.traffic.rule == rule):
            self.deployments.change(free, experiment=ended, news=news)
        else:
            reason = f"experiment {experiment.experiment_id}: {change.reason}"
            told = change.model_copy(update={"reason": reason})
            self.shifts.shift(free, rule, told, experiment=ended, news=news)
        return ended.written

    def _news(self, ended: Experiment, deployment: Deployment) -> ExperimentEnded:
        return ExperimentEnded(
            event_id=self.new_id(),
            happened_at=self.now(),
            deployment=ended.deployment,
            experiment_id=ended.experiment_id,
            model_name=ended.model_name,
            alias=deployment.alias,
            revision=ended.revision,
            winner=ended.winner,
            reason=ended.outcome or "",
        )
