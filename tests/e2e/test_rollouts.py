"""Versions take over traffic, or do not: every strategy, on real rows, carried by the real state machine.

All rollouts run at once, on deployments of their own, while callers ask all of them.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from shelflife.kernel.names import Header
from tests.e2e import lines, steps
from tests.e2e.callers import Answered, Callers, ask
from tests.e2e.captures import stored
from tests.e2e.lines import BETTER, FIRST, MODEL, WORSE
from tests.harness.installation import News, Platform, eventually

pytestmark = pytest.mark.e2e

STILL, MOVING = "still", "moving"
NAMES = (
    "worse",
    "better",
    "green",
    "linear",
    "alias",
    "shadow",
    "paused",
    "aborted",
    "stopped",
    "labelled",
    "rolled",
    "sticky",
)
DEPLOYMENTS = {name: f"{MODEL}-{name}" for name in NAMES}
#: Latencies of a machine that runs other tests as well say nothing.
CRITERIA = {"minimum_samples": 150, "max_latency_ratio": None, "required": ["predictions"]}
JUDGED = {"criteria": CRITERIA, "patience_seconds": 120}
CANARY = {"kind": "canary", "weight": 50, "bake_seconds": 4, **JUDGED}
LONG = CANARY | {"bake_seconds": 600}
BY_LABELS = CANARY | {
    "bake_seconds": 120,
    "criteria": CRITERIA | {"max_prediction_psi": None, "minimum_samples": 100, "required": ["label_loss"]},
}
OVER = {"succeeded", "rolled_back", "aborted", "failed"}


class Rollouts:
    """What an operator does with the deployments: documented routes only."""

    def __init__(self, platform: Platform, callers: Callers) -> None:
        self.platform = platform
        self.callers = callers
        self.started: dict[str, str] = {}

    def start(self, name: str, version: int, strategy: dict[str, Any]) -> None:
        asked = {"model_version": version, "strategy": strategy}

        def tried() -> httpx.Response | None:
            """Until the bus has told of the version, there is none."""
            told = self.platform.ask("POST", f"{base(name)}/rollouts", asked)
            return None if told.status_code == httpx.codes.NOT_FOUND else told

        answer = eventually(tried, f"version {version} is known")
        assert answer is not None
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        self.started[name] = answer.json()["rollout_id"]

    def path(self, name: str) -> str:
        return f"{base(name)}/rollouts/{self.started[name]}"

    def now(self, name: str) -> Any:
        return self.platform.get(self.path(name))

    def ended(self, name: str) -> Any:
        return self.platform.until(self.path(name), lambda seen: seen["state"] in OVER, seconds=200)

    def baking(self, name: str) -> Any:
        return self.platform.until(self.path(name), lambda seen: seen["applied"])

    def traffic(self, name: str) -> Any:
        return self.platform.get(base(name))["traffic"]

    def execution(self, name: str) -> Any:
        machine = self.platform.machine("serving", "DeployModel")
        (execution,) = eventually(
            lambda: self.platform.executions(machine, self.started[name]), f"execution of {name}"
        )
        return execution

    def holding(self, name: str) -> None:
        """Wait until the workflow has handed out its token."""
        arn = self.execution(name)["executionArn"]
        eventually(lambda: self.platform.states(arn)[-1] == "HoldRollout", "the workflow holds")
        table = self.platform.resource("serving", "Table", "AWS::DynamoDB::Table")
        key = {"pk": f"DEPLOYMENT#{DEPLOYMENTS[name]}", "sk": f"ROLLOUT#{self.started[name]}"}
        find = {"TableName": table, "Key": {part: {"S": value} for part, value in key.items()}}
        eventually(
            lambda: '"task_token":null' not in str(self.platform.aws("dynamodb").get_item(**find)["Item"]),
            "the token is kept",
        )

    def changes(self, name: str) -> list[tuple[int, dict[str, float]]]:
        """The weights by variant of each revision, from the first."""
        revisions = self.platform.get(f"{base(name)}/revisions")["revisions"]
        return [
            (one["revision"], {live["name"]: live["weight"] for live in one["traffic"]["live"]})
            for one in reversed(revisions)
        ]


def base(name: str) -> str:
    return f"/v1/serving/deployments/{DEPLOYMENTS[name]}"


@pytest.fixture(scope="module")
def rollouts(platform: Platform, news: News) -> Iterator[Rollouts]:
    """Everything that takes its time has been started."""
    lines.register(platform)
    for alias in (STILL, MOVING):
        platform.put(
            f"/v1/registry/models/{MODEL}/aliases/{alias}", {"version": FIRST, "reason": "the first"}
        )
    for name, deployment in DEPLOYMENTS.items():
        alias = MOVING if name == "alias" else STILL
        platform.post("/v1/serving/deployments", {"name": deployment, "model_name": MODEL, "alias": alias})
    for deployment in DEPLOYMENTS.values():
        steps.serving(platform, deployment, FIRST)
    with Callers(
        platform, [DEPLOYMENTS[name] for name in NAMES if name not in {"rolled", "sticky"}]
    ) as callers:
        told = Rollouts(platform, callers)
        told.start("worse", WORSE, CANARY)
        told.start("better", BETTER, CANARY)
        trial = {"kind": "blue_green", "trial_seconds": 5, "bake_seconds": 3, **JUDGED}
        told.start("green", BETTER, trial)
        told.start("linear", BETTER, {"kind": "linear", "increment": 40, "bake_seconds": 2, **JUDGED})
        told.start("paused", BETTER, CANARY)
        told.start("aborted", BETTER, LONG)
        told.start("stopped", BETTER, LONG)
        told.start("labelled", WORSE, BY_LABELS)
        platform.put(f"{base('alias')}/strategy", {"strategy": CANARY})
        platform.put(f"/v1/registry/models/{MODEL}/aliases/{MOVING}", {"version": BETTER, "reason": "better"})
        shadowed = {
            "live": [{"model_version": FIRST, "weight": 100}],
            "shadows": [{"name": "watching", "model_version": BETTER, "sampling_rate": 1}],
        }
        platform.put(f"{base('shadow')}/traffic", shadowed)
        yield told
    wrong = [one for one in callers.answers if one.status != httpx.codes.OK or not one.right]
    assert wrong == []
    assert len(callers.answers) > len(NAMES)


def test_a_rollout_can_be_paused_and_resumed(rollouts: Rollouts) -> None:
    paused = rollouts.platform.post(f"{rollouts.path('paused')}/pause", {})
    assert paused["state"] == "paused"
    rollouts.holding("paused")
    before = rollouts.changes("paused")
    assert rollouts.platform.post(f"{rollouts.path('paused')}/pause", {})["state"] == "paused"
    assert rollouts.now("paused")["state"] == "paused"
    assert rollouts.changes("paused") == before
    assert rollouts.platform.post(f"{rollouts.path('paused')}/resume", {})["state"] == "running"
    assert rollouts.ended("paused")["state"] == "succeeded"
    assert rollouts.changes("paused")[-1][1] == {"v2": 100}
    assert rollouts.execution("paused")["status"] in {"RUNNING", "SUCCEEDED"}


def test_an_aborted_rollout_gives_the_traffic_back_at_once(rollouts: Rollouts) -> None:
    rollouts.baking("aborted")
    assert rollouts.traffic("aborted")["live"][1]["weight"] == 50
    rollouts.platform.post(f"{rollouts.path('aborted')}/pause", {})
    rollouts.holding("aborted")
    aborted = rollouts.platform.post(f"{rollouts.path('aborted')}/abort", {"reason": "wrong day"})
    assert (aborted["state"], aborted["outcome"]) == ("aborted", "wrong day")
    assert [one["name"] for one in rollouts.traffic("aborted")["live"]] == ["v1"]
    execution = rollouts.platform.ended(rollouts.execution("aborted")["executionArn"])
    assert execution["status"] == "SUCCEEDED"


def test_an_execution_that_is_stopped_gives_the_traffic_back(rollouts: Rollouts) -> None:
    rollouts.baking("stopped")
    assert rollouts.traffic("stopped")["live"][1]["weight"] == 50
    arn = rollouts.execution("stopped")["executionArn"]
    rollouts.platform.aws("stepfunctions").stop_execution(executionArn=arn)
    ended = rollouts.ended("stopped")
    assert (ended["state"], ended["outcome"]) == ("aborted", "its execution was stopped")
    assert [one["name"] for one in rollouts.traffic("stopped")["live"]] == ["v1"]
    assert rollouts.platform.get(base("stopped"))["rollout_id"] is None


def test_a_canary_of_a_worse_model_is_rolled_back_and_says_why(rollouts: Rollouts, news: News) -> None:
    ended = rollouts.ended("worse")
    assert ended["state"] == "rolled_back"
    assert "predictions: the stability index" in ended["outcome"]
    assert "not by chance" in ended["outcome"]
    seen = rollouts.platform.get(base("worse"))
    assert (seen["model_version"], seen["rollout_id"]) == (FIRST, None)
    assert seen["last_failure"]["model_version"] == WORSE
    assert ended["outcome"] in seen["last_failure"]["reason"]
    assert [weights for _, weights in rollouts.changes("worse")] == [
        {"v1": 100},
        {"v1": 50, "v3": 50},
        {"v1": 100},
    ]
    told = eventually(
        lambda: news.of("rollout.ended", rollout_id=rollouts.started["worse"]), "news of the end"
    )
    assert (told[0]["outcome"], told[0]["reason"]) == ("rolled_back", ended["outcome"])


def test_a_canary_of_a_better_model_takes_over(rollouts: Rollouts) -> None:
    ended = rollouts.ended("better")
    assert (ended["state"], ended["outcome"]) == ("succeeded", "version 2 answers everything")
    judgement = ended["applied"][0]["judgement"]
    assert judgement["verdict"] == "healthy"
    (found,) = [one for one in judgement["findings"] if one["criterion"] == "predictions"]
    assert min(found["baseline_samples"], found["candidate_samples"]) >= CRITERIA["minimum_samples"]
    assert rollouts.platform.get(base("better"))["model_version"] == BETTER
    assert {one.version for one in rollouts.callers.of(DEPLOYMENTS["better"])} == {FIRST, BETTER}


def test_a_canary_is_rolled_back_by_the_truth_about_its_answers(rollouts: Rollouts) -> None:
    name = DEPLOYMENTS["labelled"]
    rollouts.baking("labelled")
    eventually(lambda: len({one.variant for one in rollouts.callers.of(name)}) > 1, "both answer")
    rows, truths = lines.diabetes()
    labels = []
    for at in range(24):
        chosen = np.arange(at * 36, at * 36 + 36) % len(rows)
        asked = {"id": f"labelled-{at}", "inputs": lines.tensors(rows[chosen])}
        answer = rollouts.platform.post(f"/v2/models/{name}/infer", asked)
        labels.append({"capture_id": answer["id"], "values": truths[chosen].tolist()})
    rollouts.platform.post(f"/v1/monitoring/deployments/{name}/labels", {"labels": labels})
    ended = rollouts.ended("labelled")
    assert ended["state"] == "rolled_back", ended
    assert ended["outcome"].startswith("label_loss: ")

    def counted() -> int:
        return sum(windows(rollouts, "labelled", 2, name)["total"]["labels"] for name in ("v1", "v3"))

    # It was decided by the first of them; the rest is counted, too.
    eventually(lambda: counted() == 24 * 36, "every label is counted once", seconds=180)


def test_green_is_tried_as_a_shadow_and_then_has_everything(rollouts: Rollouts) -> None:
    ended = rollouts.ended("green")
    assert ended["state"] == "succeeded", ended
    changes = rollouts.changes("green")
    assert [weights for _, weights in changes] == [{"v1": 100}, {"v1": 100, "v2": 0}, {"v2": 100}]
    trial = changes[1][0]
    tried = windows(rollouts, "green", trial, "v2-shadow")["total"]
    assert tried["pairs"] >= CRITERIA["minimum_samples"]
    assert 0 < tried["disagreements"] <= tried["pairs"]
    during = [one for one in rollouts.callers.of(DEPLOYMENTS["green"]) if one.revision == trial]
    assert {one.version for one in during} == {FIRST}


def test_a_linear_rollout_grows_step_by_step(rollouts: Rollouts) -> None:
    assert rollouts.ended("linear")["state"] == "succeeded"
    assert [weights for _, weights in rollouts.changes("linear")] == [
        {"v1": 100},
        {"v1": 60, "v2": 40},
        {"v1": 20, "v2": 80},
        {"v2": 100},
    ]


def test_a_shadow_is_captured_apart_and_nobody_gets_its_answers(rollouts: Rollouts) -> None:
    revision = rollouts.platform.get(base("shadow"))["revision"]
    seen = eventually(
        lambda: (
            (found := windows(rollouts, "shadow", revision, "watching")["total"])["pairs"] > 100 and found
        ),
        "pairs of the shadow",
    )
    assert 0 < seen["disagreements"] <= seen["pairs"]
    assert {one.variant for one in rollouts.callers.of(DEPLOYMENTS["shadow"])} == {"v1"}
    assert stored(rollouts.platform, "shadows", DEPLOYMENTS["shadow"])
    assert windows(rollouts, "shadow", revision, "v1")["total"]["pairs"] == 0


def test_a_key_stays_with_its_variant_and_a_header_overrides(rollouts: Rollouts) -> None:
    halves = {"live": [{"model_version": FIRST, "weight": 50}, {"model_version": BETTER, "weight": 50}]}
    revision = rollouts.platform.put(f"{base('sticky')}/traffic", halves)["revision"]
    eventually(lambda: asked(rollouts).revision == revision, "the revision is seen")
    first = {key: asked(rollouts, key=str(key)).variant for key in range(12)}
    assert set(first.values()) == {"v1", "v2"}
    assert {key: asked(rollouts, key=str(key)).variant for key in first} == first
    for variant in ("v1", "v2"):
        assert {asked(rollouts, key="3", variant=variant).variant for _ in range(3)} == {variant}
    refused = asked(rollouts, variant="v9")
    assert refused.status == httpx.codes.BAD_REQUEST
    assert "v9" in refused.told


def test_a_rollback_is_one_call(rollouts: Rollouts) -> None:
    rollouts.start("rolled", BETTER, {"kind": "all_at_once"})
    assert rollouts.ended("rolled")["state"] == "succeeded"
    back = rollouts.platform.post(f"{base('rolled')}/rollback", {"reason": "weekends are wrong"})
    assert (back["model_version"], back["traffic"]["live"][0]["weight"]) == (FIRST, 100)
    rollouts.start("rolled", BETTER, LONG)
    rollouts.baking("rolled")
    back = rollouts.platform.post(f"{base('rolled')}/rollback", {"reason": "not now"})
    assert (back["model_version"], back["rollout_id"]) == (FIRST, None)
    assert rollouts.now("rolled")["state"] == "aborted"
    revision = back["revision"]
    eventually(
        lambda: ask(rollouts.platform, DEPLOYMENTS["rolled"], lines.diabetes()[0][:2]).revision == revision,
        "callers see the rollback",
    )


def test_an_alias_moves_by_the_strategy_and_is_followed_after_it(rollouts: Rollouts, news: News) -> None:
    first = eventually(
        lambda: rollouts.platform.get(f"{base('alias')}/rollouts")["rollouts"], "a rollout by the alias"
    )[-1]
    assert (first["to_version"], first["started_by"], first["strategy"]["kind"]) == (
        BETTER,
        "alias",
        "canary",
    )
    move = {"version": WORSE, "reason": "while another is under way"}
    rollouts.platform.put(f"/v1/registry/models/{MODEL}/aliases/{MOVING}", move)
    rollouts.started["alias"] = first["rollout_id"]
    assert rollouts.ended("alias")["state"] == "succeeded"
    second = rollouts.platform.until(f"{base('alias')}/rollouts", lambda seen: len(seen["rollouts"]) > 1)
    rollouts.started["alias"] = second["rollouts"][0]["rollout_id"]
    ended = rollouts.ended("alias")
    assert (ended["to_version"], ended["state"]) == (WORSE, "rolled_back")
    assert rollouts.platform.get(base("alias"))["model_version"] == BETTER


def windows(rollouts: Rollouts, name: str, revision: int, variant: str) -> Any:
    return rollouts.platform.get(f"{base(name)}/windows?revision={revision}&variant={variant}")


def asked(rollouts: Rollouts, *, key: str | None = None, variant: str | None = None) -> Answered:
    given = {Header.STICKY_KEY: key, Header.VARIANT: variant}
    headers = {str(name): value for name, value in given.items() if value is not None}
    return ask(rollouts.platform, DEPLOYMENTS["sticky"], lines.diabetes()[0][:2], headers)
