"""HTTP: deployments."""

from http import HTTPStatus
from typing import Any

from pydantic import Field

from shelflife.contracts.registry import CHAMPION
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context
from shelflife.serving.experiment import Experiment, GoalMetric
from shelflife.serving.goals import MOST_GOALS, Told, ToldGoal
from shelflife.serving.model import CachePolicy, CaptureWish, Change, Deployment, Revision
from shelflife.serving.observing import WindowsAsked
from shelflife.serving.rollout import Rollout
from shelflife.serving.strategy import AllAtOnce, Strategy
from shelflife.serving.traffic import TrafficRule
from shelflife.serving.wiring import experiment_control, goals, rollout_control, serving
from shelflife.serving.wiring_captures import observations

door = HttpDoor(Context.SERVING)
handler = door.handle

#: How many revisions a deployment's own answer shows; the rest is a list of its own.
SHOWN_REVISIONS = 20


class DeploymentRequest(Model):
    name: Name
    model_name: Name
    alias: Name = CHAMPION
    capture: CaptureWish = CaptureWish()


class TrafficRequest(TrafficRule):
    """`expected_revision` is the one that the caller has seen: at another one, nothing changes."""

    reason: str = Field(default="set by hand", min_length=1, max_length=500)
    expected_revision: int | None = None


class CacheRequest(Model):
    cache: CachePolicy | None


class StrategyRequest(Model):
    strategy: Strategy


class RolloutRequest(Model):
    model_version: int = Field(ge=1)
    strategy: Strategy = AllAtOnce()
    reason: str = Field(default="started by hand", min_length=1, max_length=500)


class ReasonRequest(Model):
    reason: str = Field(default="aborted by hand", min_length=1, max_length=500)


class RollbackRequest(Model):
    reason: str = Field(default="rolled back by hand", min_length=1, max_length=500)
    to_revision: int | None = Field(default=None, ge=1)


class ExperimentRequest(Model):
    goal: GoalMetric
    reason: str = Field(default="started by hand", min_length=1, max_length=500)


class StopRequest(Model):
    reason: str = Field(default="stopped by hand", min_length=1, max_length=500)
    winner: Name | None = None


class GoalsRequest(Model):
    goals: tuple[ToldGoal, ...] = Field(min_length=1, max_length=MOST_GOALS)


@door.post("/v1/serving/deployments", body=DeploymentRequest)
def create_deployment(call: Call[DeploymentRequest]) -> Answer:
    asked = call.body
    made = serving().create(
        asked.name,
        model_name=asked.model_name,
        alias=asked.alias,
        capture=asked.capture,
        created_by=call.principal.name,
    )
    return Answer(_shown(made), HTTPStatus.CREATED)


@door.get("/v1/serving/deployments")
def list_deployments(call: Call[None]) -> dict[str, Any]:
    page = serving().page(*call.page())
    return {"deployments": [_shown(one) for one in page.items], "next_cursor": page.next_cursor}


@door.get("/v1/serving/deployments/<name>")
def get_deployment(call: Call[None], name: str) -> dict[str, Any]:  # noqa: ARG001 - every route takes its call
    found = serving().find(name)
    revisions = serving().revisions(name, SHOWN_REVISIONS, None)
    return _shown(found) | {"revisions": [_revision(one) for one in revisions.items]}


@door.get("/v1/serving/deployments/<name>/revisions")
def list_revisions(call: Call[None], name: str) -> dict[str, Any]:
    page = serving().revisions(name, *call.page())
    return {"revisions": [_revision(one) for one in page.items], "next_cursor": page.next_cursor}


@door.get("/v1/serving/deployments/<name>/windows")
def list_windows(call: Call[None], name: str) -> dict[str, Any]:
    found = observations().find(name, call.parameters(WindowsAsked))
    return found.watched._asdict() | {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "total": found.total.model_dump(mode="json"),
        "windows": [
            {"minute": minute.isoformat()} | figures.model_dump(mode="json", exclude_defaults=True)
            for minute, figures in found.minutes
        ],
    }


@door.put("/v1/serving/deployments/<name>/traffic", body=TrafficRequest)
def set_traffic(call: Call[TrafficRequest], name: str) -> dict[str, Any]:
    """Put the whole rule; the weights of its live variants add up to 100."""
    asked, who = call.body, call.principal.name
    rule = TrafficRule(live=asked.live, shadows=asked.shadows)
    change = Change(changed_by=who, reason=asked.reason)
    return _shown(serving().shift(name, rule, change, expected_revision=asked.expected_revision))


@door.put("/v1/serving/deployments/<name>/capture", body=CaptureWish)
def set_capture(call: Call[CaptureWish], name: str) -> dict[str, Any]:
    """Put the whole policy: what is not said is as in a new deployment."""
    return _shown(serving().capture(name, call.body))


@door.put("/v1/serving/deployments/<name>/cache", body=CacheRequest)
def set_cache(call: Call[CacheRequest], name: str) -> dict[str, Any]:
    """Keep answers for who asks the same again, or keep none."""
    return _shown(serving().cache(name, call.body.cache))


@door.delete("/v1/serving/deployments/<name>")
def delete_deployment(call: Call[None], name: str) -> Answer:  # noqa: ARG001 - every route takes its call
    serving().remove(name)
    return Answer(status=HTTPStatus.NO_CONTENT)


@door.get("/v1/serving/deployments/<name>/strategy")
def get_strategy(call: Call[None], name: str) -> dict[str, Any]:  # noqa: ARG001 - every route takes its call
    strategy = rollout_control().rollouts.strategy(rollout_control().deployment(name).name)
    return {"strategy": strategy.model_dump(mode="json")}


@door.put("/v1/serving/deployments/<name>/strategy", body=StrategyRequest)
def set_strategy(call: Call[StrategyRequest], name: str) -> dict[str, Any]:
    """Say how a version takes over that the alias moves to; a rollout under way goes on as it began."""
    control = rollout_control()
    control.rollouts.set_strategy(control.deployment(name).name, call.body.strategy)
    return {"strategy": call.body.strategy.model_dump(mode="json")}


@door.post("/v1/serving/deployments/<name>/rollouts", body=RolloutRequest)
def start_rollout(call: Call[RolloutRequest], name: str) -> Answer:
    asked = call.body
    change = Change(changed_by=call.principal.name, reason=asked.reason)
    rollout = rollout_control().start(name, asked.model_version, asked.strategy, change)
    return Answer(_rollout(rollout), HTTPStatus.ACCEPTED)


@door.get("/v1/serving/deployments/<name>/rollouts")
def list_rollouts(call: Call[None], name: str) -> dict[str, Any]:
    page = rollout_control().page(name, *call.page())
    return {"rollouts": [_rollout(one) for one in page.items], "next_cursor": page.next_cursor}


@door.get("/v1/serving/deployments/<name>/rollouts/<rollout_id>")
def get_rollout(call: Call[None], name: str, rollout_id: str) -> dict[str, Any]:  # noqa: ARG001 - as above
    return _rollout(rollout_control().find(name, rollout_id))


@door.post("/v1/serving/deployments/<name>/rollouts/<rollout_id>/pause")
def pause_rollout(call: Call[None], name: str, rollout_id: str) -> dict[str, Any]:  # noqa: ARG001 - as above
    return _rollout(rollout_control().pause(name, rollout_id))


@door.post("/v1/serving/deployments/<name>/rollouts/<rollout_id>/resume")
def resume_rollout(call: Call[None], name: str, rollout_id: str) -> dict[str, Any]:  # noqa: ARG001 - as above
    return _rollout(rollout_control().resume(name, rollout_id))


@door.post("/v1/serving/deployments/<name>/rollouts/<rollout_id>/abort", body=ReasonRequest)
def abort_rollout(call: Call[ReasonRequest], name: str, rollout_id: str) -> dict[str, Any]:
    change = Change(changed_by=call.principal.name, reason=call.body.reason, rollout_id=rollout_id)
    return _rollout(rollout_control().abort(name, rollout_id, change))


@door.post("/v1/serving/deployments/<name>/rollback", body=RollbackRequest)
def roll_back(call: Call[RollbackRequest], name: str) -> dict[str, Any]:
    """Answer with what was stable before, at once; `to_revision` brings back that revision's whole rule."""
    asked = call.body
    change = Change(changed_by=call.principal.name, reason=asked.reason)
    return _shown(rollout_control().roll_back(name, change, to_revision=asked.to_revision))


@door.post("/v1/serving/deployments/<name>/experiments", body=ExperimentRequest)
def start_experiment(call: Call[ExperimentRequest], name: str) -> Answer:
    change = Change(changed_by=call.principal.name, reason=call.body.reason)
    experiment = experiment_control().start(name, call.body.goal, change)
    return Answer(_experiment(experiment), HTTPStatus.CREATED)


@door.get("/v1/serving/deployments/<name>/experiments")
def list_experiments(call: Call[None], name: str) -> dict[str, Any]:
    page = experiment_control().page(name, *call.page())
    return {"experiments": [_experiment(one) for one in page.items], "next_cursor": page.next_cursor}


@door.get("/v1/serving/deployments/<name>/experiments/<experiment_id>")
def get_experiment(call: Call[None], name: str, experiment_id: str) -> dict[str, Any]:  # noqa: ARG001 - as above
    found = experiment_control().find(name, experiment_id)
    return _experiment(found) | {"standing": experiment_control().standing(found).model_dump(mode="json")}


@door.post("/v1/serving/deployments/<name>/experiments/<experiment_id>/stop", body=StopRequest)
def stop_experiment(call: Call[StopRequest], name: str, experiment_id: str) -> dict[str, Any]:
    change = Change(changed_by=call.principal.name, reason=call.body.reason)
    return _experiment(experiment_control().stop(name, experiment_id, change, call.body.winner))


@door.post("/v1/serving/deployments/<name>/goals", body=GoalsRequest)
def tell_goals(call: Call[GoalsRequest], name: str) -> Told:
    """Tell what became of predictions; each counts once for the experiment, however often it is told."""
    return goals().tell(name, call.body.goals)


def _experiment(experiment: Experiment) -> dict[str, Any]:
    return experiment.model_dump(mode="json", exclude={"change"})


def _rollout(rollout: Rollout) -> dict[str, Any]:
    return rollout.model_dump(mode="json", exclude={"execution", "task_token", "change"})


#: What the record has beside what people manage, and the key that values are hashed under.
_NOT_SHOWN: dict[str, Any] = {
    "stable": True,
    "traffic": True,
    "followed": True,
    "change": True,
    "capture": {"key": True},
}


def _shown(deployment: Deployment) -> dict[str, Any]:
    return deployment.model_dump(mode="json", exclude=_NOT_SHOWN) | {
        "model_version": deployment.stable.version if deployment.stable else None,
        "traffic": deployment.traffic.rule.model_dump(mode="json") if deployment.traffic else None,
    }


def _revision(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.revision,
        "model_name": revision.model_name,
        "model_version": revision.traffic.rule.stable.model_version,
        "traffic": revision.traffic.rule.model_dump(mode="json"),
        "activated_at": revision.activated_at.isoformat(),
        "change": revision.change.model_dump(mode="json"),
    }
