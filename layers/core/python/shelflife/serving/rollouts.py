"""Rollouts, as people and alias moves start, pause and end them; the workflow carries them (steps.py)."""

from dataclasses import dataclass

from shelflife.contracts.serving import RolloutStarted
from shelflife.kernel.ids import Clock, NewId
from shelflife.kernel.paging import Page
from shelflife.serving.endings import Endings, insisting
from shelflife.serving.errors import (
    CapturesNeededError,
    DeploymentChangedError,
    DeploymentNotFoundError,
    DeploymentNotReadyError,
    ExperimentRunningError,
    NothingToRollBackError,
    RevisionNotFoundError,
    RolloutNotFoundError,
    RolloutOverError,
    RolloutRunningError,
    VersionStableError,
)
from shelflife.serving.experiment_endings import ExperimentEndings
from shelflife.serving.model import Change, Deployment, is_name
from shelflife.serving.ports import Deployments, Executions, Rollouts
from shelflife.serving.rollout import Rollout, RolloutState
from shelflife.serving.shifts import Shifts
from shelflife.serving.strategy import Strategy
from shelflife.serving.traffic import TrafficRule, live

_PAGE = 100


@dataclass(frozen=True, slots=True)
class RolloutControl:
    deployments: Deployments
    rollouts: Rollouts
    executions: Executions
    shifts: Shifts
    endings: Endings
    experiments: ExperimentEndings
    now: Clock
    new_id: NewId

    def start(self, name: str, version: int, strategy: Strategy, change: Change) -> Rollout:
        """Let a version take over the deployment's traffic; the workflow begins within seconds.

        Asked again for the rollout that is under way, that one is answered.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            RolloutRunningError: another rollout is under way.
            ExperimentRunningError: an experiment needs its traffic as it is.
            DeploymentChangedError: somebody else changed the deployment meanwhile.
        """
        deployment = self.deployment(name)
        if deployment.rollout_id is not None:
            running = self.find(name, deployment.rollout_id)
            if (running.to_version, running.strategy) == (version, strategy):
                return running
            raise RolloutRunningError(name, deployment.rollout_id)
        if deployment.experiment_id is not None:
            raise ExperimentRunningError(name, deployment.experiment_id)
        return self.begin(deployment, version, strategy, change)

    def begin(self, deployment: Deployment, version: int, strategy: Strategy, change: Change) -> Rollout:
        """Start a rollout of a deployment that has none; what else was changed of it is written with it.

        Raises:
            DeploymentNotReadyError: it answers nothing yet, so there is nothing to take over.
            VersionStableError: the version is the stable one already.
            VersionUnknownError: the registry never told of the version.
            VersionNotDeployableError: the version cannot answer.
            CapturesNeededError: a step is to be judged, and nothing is captured.
            DeploymentChangedError: somebody else changed the deployment meanwhile.
        """
        if deployment.traffic is None or deployment.stable is None:
            raise DeploymentNotReadyError(deployment.name, deployment.reason or deployment.state.value)
        if deployment.stable.version == version:
            raise VersionStableError(deployment.name, version)
        self.shifts.deployable(deployment, version)
        if not deployment.capture.sampling_rate and any(step.is_judged for step in strategy.steps):
            raise CapturesNeededError(deployment.name)
        rollout = Rollout(
            rollout_id=self.new_id(),
            deployment=deployment.name,
            model_name=deployment.model_name,
            from_version=deployment.stable.version,
            to_version=version,
            strategy=strategy,
            before=deployment.traffic.rule,
            before_revision=deployment.revision,
            started_at=self.now(),
            started_by=change.changed_by,
            reason=change.reason,
        )
        self.deployments.change(
            deployment.rolling_out(rollout.rollout_id), rollout=rollout, news=[self._news(rollout)]
        )
        return rollout.written

    def find(self, name: str, rollout_id: str) -> Rollout:
        """The rollout as it is now.

        Raises:
            RolloutNotFoundError: the deployment has no such rollout.
        """
        found = self.rollouts.find(name, rollout_id) if is_name(name) else None
        if found is None:
            raise RolloutNotFoundError(name, rollout_id)
        return found

    def page(self, name: str, limit: int, cursor: str | None) -> Page[Rollout]:
        """The deployment's rollouts, newest first; known also after its removal."""
        found = self.rollouts.page(name, limit, cursor) if is_name(name) else Page[Rollout](items=())
        if not found.items:
            self.deployment(name)
        return found

    def pause(self, name: str, rollout_id: str) -> Rollout:
        """Let the traffic stay as it is, until the rollout goes on or is aborted; it is judged no more.

        Raises:
            RolloutOverError: it has ended.
            RolloutChangedError: others kept changing it.
        """
        return insisting(lambda: self._paused(self._open(name, rollout_id)))

    def resume(self, name: str, rollout_id: str) -> Rollout:
        """Let a paused rollout go on; its step bakes anew.

        Raises:
            RolloutOverError: it has ended.
            RolloutChangedError: others kept changing it.
        """
        return insisting(lambda: self._resumed(self._open(name, rollout_id)))

    def abort(self, name: str, rollout_id: str, change: Change) -> Rollout:
        """End the rollout; the deployment answers as before from now on, whatever the workflow is doing.

        Raises:
            RolloutOverError: it has ended.
            DeploymentChangedError: others kept changing it.
        """
        return insisting(lambda: self._aborted(self._open(name, rollout_id), change))

    def roll_back(self, name: str, change: Change, *, to_revision: int | None = None) -> Deployment:
        """Let the deployment answer with what was stable before; a rollout that is under way is aborted.

        An experiment that is running is stopped, and its control answers everything. `to_revision` brings
        back the whole rule of that revision.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            RevisionNotFoundError: it has no such revision.
            NothingToRollBackError: nothing else was ever stable.
            DeploymentChangedError: somebody else changed it meanwhile.
        """
        deployment = self.deployment(name)
        if deployment.rollout_id is not None:
            ended = self._stopped(name, deployment.rollout_id, change)
            deployment = self.deployment(name)
            if to_revision is None and ended.state is not RolloutState.SUCCEEDED:
                return deployment
        elif deployment.experiment_id is not None:
            return self._stop_experiment(deployment, to_revision, change)
        return self.shifts.shift(deployment, self._earlier(deployment, to_revision), change)

    def deployment(self, name: str) -> Deployment:
        """The deployment as it is now.

        Raises:
            DeploymentNotFoundError: there is none.
        """
        found = self.deployments.find(name) if is_name(name) else None
        if found is None:
            raise DeploymentNotFoundError(name)
        return found

    def _paused(self, rollout: Rollout) -> Rollout:
        if rollout.state is RolloutState.PAUSED:
            return rollout
        return self.rollouts.change(rollout.model_copy(update={"state": RolloutState.PAUSED}))

    def _resumed(self, rollout: Rollout) -> Rollout:
        if rollout.state is RolloutState.RUNNING:
            return rollout
        going = self.rollouts.change(rollout.rebaking(self.now()))
        self._wake(rollout)
        return going

    def _aborted(self, rollout: Rollout, change: Change) -> Rollout:
        ended = self.endings.end(rollout, RolloutState.ABORTED, change)
        self._wake(rollout)
        return ended

    def _stopped(self, name: str, rollout_id: str, change: Change) -> Rollout:
        """The rollout, aborted unless it came to another end at the same time."""
        try:
            return self.abort(name, rollout_id, change)
        except RolloutOverError:
            return self.find(name, rollout_id)

    def _wake(self, rollout: Rollout) -> None:
        """Let the workflow see what became of the rollout, if it waits for a word."""
        if rollout.task_token is not None:
            self.executions.go_on(rollout.task_token)

    def _open(self, name: str, rollout_id: str) -> Rollout:
        rollout = self.find(name, rollout_id)
        if rollout.state.is_over:
            raise RolloutOverError(name, rollout_id, rollout.state.value)
        return rollout

    def _stop_experiment(self, deployment: Deployment, number: int | None, change: Change) -> Deployment:
        name, rule = deployment.name, self._earlier(deployment, number) if number is not None else None
        experiment = self.experiments.experiments.find(name, deployment.experiment_id or "")
        if experiment is None or deployment.traffic is None:
            raise DeploymentChangedError(name)
        before = deployment.traffic.rule
        self.experiments.end(experiment, change, rule=rule or before.with_all_to(before.stable))
        return self.deployment(name)

    def _earlier(self, deployment: Deployment, number: int | None) -> TrafficRule:
        if number is not None:
            revision = self.deployments.revision(deployment.name, number)
            if revision is None or revision.model_name != deployment.model_name:
                raise RevisionNotFoundError(deployment.name, number)
            return revision.traffic.rule
        version = self._stable_before(deployment)
        if version is None:
            raise NothingToRollBackError(deployment.name)
        return TrafficRule(live=(live(version, 100),))

    def _stable_before(self, deployment: Deployment) -> int | None:
        """The version that was stable before the one that is; in between, rollouts may have mixed them."""
        cursor: str | None = None
        while True:
            page = self.deployments.revisions(deployment.name, _PAGE, cursor)
            for revision in page.items:
                version = revision.traffic.rule.stable.model_version
                same_model = revision.model_name == deployment.model_name
                if same_model and deployment.stable and version != deployment.stable.version:
                    return version
            cursor = page.next_cursor
            if cursor is None:
                return None

    def _news(self, rollout: Rollout) -> RolloutStarted:
        return RolloutStarted(
            event_id=self.new_id(),
            happened_at=rollout.started_at,
            deployment=rollout.deployment,
            rollout_id=rollout.rollout_id,
            model_name=rollout.model_name,
            from_version=rollout.from_version,
            to_version=rollout.to_version,
        )
