"""The serving stack of stages made for the test: levers, dashboard and alarms as CloudFormation sees them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template as Synthesized
from aws_cdk.aws_lambda import Architecture
from aws_cdk.aws_stepfunctions import DefinitionBody, Pass, StateMachine
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from infra.config import ROOT, STAGES, AlarmThresholds, Stage
from infra.constructs import shared_layers
from infra.constructs.serving_alarms import ServingAlarms
from infra.constructs.serving_dashboard import ServingDashboard
from infra.scaling import ProvisionedConcurrency, Scaling, Window
from infra.stacks.edge import EdgeStack
from infra.stacks.foundation import Foundation
from infra.stacks.serving import ServingStack
from shelflife.kernel.names import Metric
from tests.harness.templates import Template, functions, resources, text

PROD = STAGES["prod"]
OFFICE = Window("OfficeHours", "cron(0 7 ? * MON-FRI *)", "cron(0 19 ? * MON-FRI *)", minimum=5, maximum=20)
BUSY = ProvisionedConcurrency(
    minimum=1, maximum=4, windows=(OFFICE,), time_zone="Europe/Berlin", target_utilization=0.7
)
LEVERS = {
    "plain": Scaling(),
    "snapshots": Scaling(snap_start=True, reserved_concurrency=50, log_level="WARNING"),
    "provisioned": Scaling(provisioned=BUSY, memory_mb=3008, ephemeral_storage_mb=1024),
    "office hours only": Scaling(provisioned=ProvisionedConcurrency(0, 0, windows=(OFFICE,))),
}
Build = Callable[[Stage], dict[str, Template]]


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small ones: what is in them is no matter here, that it is in them is."""
    folder = tmp_path_factory.mktemp("build")
    for platform in ("aws", "aws-arm64"):
        for layer in shared_layers.Layer:
            place = folder / "layers" / platform / layer / "python"
            place.mkdir(parents=True)
            (place / "content.py").write_text(f"PLATFORM = {platform!r}\n")
    return folder


@pytest.fixture(scope="module")
def build(layers: Path) -> Build:
    context = json.loads((ROOT / "infra" / "cdk.json").read_text())["context"]

    @cache
    def made(stage: Stage) -> dict[str, Template]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shared_layers, "BUILD", layers)
            app = App(context=context, analytics_reporting=False)
            foundation = Foundation(app, "foundation", stage=stage)
            serving = ServingStack(app, "serving", stage=stage, foundation=foundation)
            edge = EdgeStack(
                app,
                "edge",
                stage=stage,
                authorize=serving.routes[0].function,
                authorize_pages=serving.routes[0].function,
                routes=serving.routes,
            )
            return {
                stack.stack_name: dict(Synthesized.from_stack(stack).to_json()) for stack in (serving, edge)
            }

    return made


@pytest.fixture(params=LEVERS)
def levers(request: pytest.FixtureRequest) -> Scaling:
    return LEVERS[request.param]


def one(template: Template, kind: str) -> tuple[str, dict[str, Any]]:
    ((name, found),) = resources(template, kind).items()
    return name, found["Properties"]


def predict(template: Template) -> dict[str, Any]:
    properties: dict[str, Any] = functions(template)["serving/predict"]["Properties"]
    return properties


def test_predict_has_the_levers_of_its_stage(build: Build, levers: Scaling) -> None:
    found = predict(build(replace(PROD, predict=levers))["serving"])
    assert found["MemorySize"] == levers.memory_mb
    assert found.get("EphemeralStorage", {"Size": 512}) == {"Size": levers.ephemeral_storage_mb}
    assert found.get("ReservedConcurrentExecutions") == levers.reserved_concurrency
    assert found["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == levers.log_level
    assert found["TracingConfig"] == {"Mode": "Active"}
    assert ("SnapStart" in found) is levers.snap_start


def test_routes_call_the_alias_and_it_points_at_a_published_version(build: Build, levers: Scaling) -> None:
    templates = build(replace(PROD, predict=levers))
    alias, properties = one(templates["serving"], "AWS::Lambda::Alias")
    version, _ = one(templates["serving"], "AWS::Lambda::Version")
    assert properties["Name"] == "live"
    assert properties["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}
    called = [
        text(found["Properties"]["IntegrationUri"])
        for found in resources(templates["edge"], "AWS::ApiGatewayV2::Integration").values()
    ]
    assert sum(f"Ref{alias}" in one_of for one_of in called) == 1
    assert not any("PredictFunction" in one_of for one_of in called)


def test_cfn_lint_finds_nothing_in_any_stage_with_levers(
    build: Build, levers: Scaling, tmp_path: Path
) -> None:
    path = tmp_path / "serving.template.json"
    path.write_text(json.dumps(build(replace(PROD, predict=levers))["serving"]))
    # W3005: CDK names dependencies that CloudFormation would find by itself.
    found = lint_file(path, ManualArgs(ignore_checks=["W3005"], regions=["eu-west-1"]))
    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_an_edge_that_still_calls_the_function_itself_can_be_upgraded(build: Build) -> None:
    outputs = build(PROD)["serving"]["Outputs"]
    assert any(re.match(r"ExportsOutputFnGetAttPredictFunction\w+Arn", name) for name in outputs)


def test_a_version_is_published_when_configuration_or_a_layer_changes_and_only_then(
    build: Build, layers: Path
) -> None:
    def published(stage: Stage) -> str:
        return one(build(stage)["serving"], "AWS::Lambda::Version")[0]

    first = published(PROD)
    assert published(replace(PROD, alarms=AlarmThresholds(throttles=7))) == first
    assert published(replace(PROD, predict=Scaling(memory_mb=2048))) != first
    changed = layers / "layers" / "aws" / "core" / "python" / "content.py"
    before = changed.read_text()
    try:
        changed.write_text("CHANGED = True\n")
        assert published(replace(PROD, alarms=AlarmThresholds(throttles=8))) != first
    finally:
        changed.write_text(before)


def test_the_version_before_is_removed(build: Build) -> None:
    (version,) = resources(build(PROD)["serving"], "AWS::Lambda::Version").values()
    assert version["DeletionPolicy"] == version["UpdateReplacePolicy"] == "Delete"


def test_snapshots_are_taken_of_published_versions(build: Build) -> None:
    found = predict(build(replace(PROD, predict=LEVERS["snapshots"]))["serving"])
    assert found["SnapStart"] == {"ApplyOn": "PublishedVersions"}


def test_concurrency_is_provisioned_by_schedule_and_by_target(build: Build) -> None:
    template = build(replace(PROD, predict=LEVERS["provisioned"]))["serving"]
    _, alias = one(template, "AWS::Lambda::Alias")
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 1}
    _, target = one(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    assert target["ScalableDimension"] == "lambda:function:ProvisionedConcurrency"
    actions = {
        action["ScheduledActionName"]: (
            action["Schedule"],
            action["Timezone"],
            action["ScalableTargetAction"],
        )
        for action in target["ScheduledActions"]
    }
    assert actions == {
        "OfficeHoursOpens": (OFFICE.opens, "Europe/Berlin", {"MinCapacity": 5, "MaxCapacity": 20}),
        "OfficeHoursCloses": (OFFICE.closes, "Europe/Berlin", {"MinCapacity": 1, "MaxCapacity": 4}),
    }
    _, policy = one(template, "AWS::ApplicationAutoScaling::ScalingPolicy")
    tracked = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracked["TargetValue"] == 0.7
    assert tracked["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
    }


def test_outside_of_office_hours_nothing_is_provisioned(build: Build) -> None:
    template = build(replace(PROD, predict=LEVERS["office hours only"]))["serving"]
    assert "ProvisionedConcurrencyConfig" not in one(template, "AWS::Lambda::Alias")[1]
    _, target = one(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    closed = next(a for a in target["ScheduledActions"] if a["ScheduledActionName"].endswith("Closes"))
    assert closed["ScalableTargetAction"] == {"MinCapacity": 0, "MaxCapacity": 0}
    assert not resources(template, "AWS::ApplicationAutoScaling::ScalingPolicy")


def test_an_arm_stage_has_arm_functions_with_arm_layers(build: Build) -> None:
    template = build(replace(PROD, architecture=Architecture.ARM_64))["serving"]
    assert {tuple(f["Properties"]["Architectures"]) for f in functions(template).values()} == {("arm64",)}
    made = resources(template, "AWS::Lambda::LayerVersion").values()
    assert {tuple(layer["Properties"]["CompatibleArchitectures"]) for layer in made} == {("arm64",)}


def test_the_local_stage_keeps_none_of_it(templates: dict[str, Template], stage_name: str) -> None:
    kinds = {found["Type"] for found in templates["serving"]["Resources"].values()}
    published = {"AWS::Lambda::Alias", "AWS::Lambda::Version"}
    assert bool(kinds & published) is (stage_name != "local")
    assert not {kind for kind in kinds if kind.startswith("AWS::ApplicationAutoScaling::")}


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    return {
        name: found["Properties"]
        for name, found in resources(template, "AWS::CloudWatch::Alarm").items()
        if name.startswith("ServingAlarms")
    }


def test_alarms_have_the_thresholds_of_the_stage_and_tell_the_topic(build: Build) -> None:
    thresholds = AlarmThresholds(
        error_percent=2.5,
        variant_error_percent=20,
        latency_p95_ms=250,
        captures_dropped=3,
        capture_age_seconds=600,
        throttles=4,
    )
    found = alarms(build(replace(PROD, alarms=thresholds))["serving"])
    limits = {
        re.sub("^ServingAlarms|[0-9A-F]{8}$", "", name): alarm["Threshold"] for name, alarm in found.items()
    }
    assert limits == {
        "ErrorRate": 2.5,
        "VariantErrorRate": 0.2,
        "Latency": 250,
        "CapturesDropped": 3,
        "CaptureAge": 600,
        "Throttles": 4,
        "deploymodelFailed": 1,
    }
    for name, alarm in found.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] != [], name
        assert "Alarms" in text(alarm["AlarmActions"]), name
        assert alarm["TreatMissingData"] == "notBreaching", name


def test_no_alarm_rests_on_a_search(templates: dict[str, Template]) -> None:
    """CloudWatch refuses it, and only when the stack is deployed."""
    assert len(alarms(templates["serving"])) == 7
    for name, alarm in alarms(templates["serving"]).items():
        assert "SEARCH" not in text(alarm), name


def test_a_variant_that_fails_is_found_however_small_its_share(templates: dict[str, Template]) -> None:
    (alarm,) = [found for name, found in alarms(templates["serving"]).items() if "VariantErrorRate" in name]
    (query,) = alarm["Metrics"]
    assert query["Expression"] == (
        'SELECT AVG(Failures) FROM SCHEMA("shelflife", deployment, variant) '
        "GROUP BY deployment, variant ORDER BY AVG() DESC LIMIT 1"
    )
    assert (query["Period"], query.get("ReturnData", True)) == (60, True)


def dashboard(template: Template) -> str:
    _, found = one(template, "AWS::CloudWatch::Dashboard")
    joined = found["DashboardBody"]["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else "x" for part in joined)


def test_the_dashboard_shows_every_metric_that_serving_tells(templates: dict[str, Template]) -> None:
    body = json.loads(dashboard(templates["serving"]))
    shown = text(body)
    assert [metric for metric in Metric if metric not in shown] == []
    for other in (
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
        "ThrottledRequests",
        "Throttles",
        "ConcurrentExecutions",
    ):
        assert other in shown
    assert "{shelflife,deployment,variant} MetricName=" in shown
    # A row of CloudWatch's grid has 24 columns.
    assert all(widget["x"] + widget["width"] <= 24 for widget in body["widgets"])


def test_what_is_provisioned_is_shown_where_it_is(build: Build) -> None:
    assert "ProvisionedConcurrencySpilloverInvocations" not in dashboard(build(PROD)["serving"])
    busy = build(replace(PROD, predict=LEVERS["provisioned"]))["serving"]
    assert "ProvisionedConcurrencySpilloverInvocations" in dashboard(busy)


def test_rollouts_are_shown_and_alarmed(layers: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_layers, "BUILD", layers)
        app = App(analytics_reporting=False)
        foundation = Foundation(app, "foundation", stage=PROD)
        serving = ServingStack(app, "serving", stage=PROD, foundation=foundation)
        aside = Stack(app, "aside")
        machine = StateMachine(
            aside, "DeployModel", definition_body=DefinitionBody.from_chainable(Pass(aside, "Done"))
        )
        rollouts = {"DeployModel": machine}
        ServingAlarms(
            aside,
            "Alarms",
            thresholds=PROD.alarms,
            topic=foundation.alarms,
            predict=serving.predict.function,
            captures=serving.captures.queue,
            rollouts=rollouts,
        )
        ServingDashboard(
            aside,
            "Dashboard",
            stage=PROD,
            predict=serving.predict,
            table=serving.table,
            queues={},
            rollouts=rollouts,
        )
        template = dict(Synthesized.from_stack(aside).to_json())
    failed = [
        a["Properties"]
        for n, a in resources(template, "AWS::CloudWatch::Alarm").items()
        if "DeployModelFailed" in n
    ]
    assert [(alarm["MetricName"], alarm["Threshold"]) for alarm in failed] == [("ExecutionsFailed", 1)]
    assert "ExecutionsAborted" in dashboard(template)
