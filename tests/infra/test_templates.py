"""Who may do what, what is kept, what is encrypted, and how long anything may take."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.config import STAGES
from tests.harness.templates import (
    Resource,
    Template,
    actions,
    functions,
    listed,
    resources,
    role_of,
    statements,
    text,
)

Templates = dict[str, Template]
CONTEXTS = (
    "access",
    "data",
    "tracking",
    "tracing",
    "training",
    "validation",
    "registry",
    "serving",
    "monitoring",
)

#: Actions that AWS defines no resources for.
WITHOUT_RESOURCES = {
    "batch:DescribeJobs",
    "batch:TerminateJob",
    "cloudwatch:PutMetricData",
    "dynamodb:ListStreams",
    "ecr:GetAuthorizationToken",
    "kms:*",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
DATABASE_WRITES = {
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
}


def of_kind(templates: Templates, kind: str) -> Iterator[tuple[str, Resource]]:
    for stack, template in templates.items():
        for name, found in resources(template, kind).items():
            yield f"{stack}/{name}", found


def test_no_statement_allows_everything(templates: Templates) -> None:
    for stack, template in templates.items():
        for statement in statements(template):
            asked = set(listed(statement["Action"]))
            assert "*" not in asked, (stack, statement)
            if "*" in listed(statement["Resource"]):
                assert asked <= WITHOUT_RESOURCES, (stack, statement)


def test_a_context_reaches_no_other_contexts_table(templates: Templates) -> None:
    for stack in CONTEXTS:
        for statement in statements(templates[stack]):
            if any(action.startswith("dynamodb:") for action in listed(statement["Action"])):
                assert "ImportValue" not in text(statement["Resource"]), (stack, statement)


@pytest.mark.parametrize(
    "function",
    [
        "access/authorize",
        "access/authorize_pages",
        "access/sign_in",
        "serving/predict_shadows",
        "registry/find_alias",
        "registry/find_registered",
        "monitoring/list_monitors",
    ],
)
def test_who_only_reads_cannot_write(templates: Templates, function: str) -> None:
    context = function.partition("/")[0]
    assert not actions(templates[context], function) & DATABASE_WRITES


def test_a_removal_waits_longer_than_any_function_runs_that_writes_runs(prod: Templates) -> None:
    found = functions(prod["tracking"])
    writing = {name for name in found if actions(prod["tracking"], name) & DATABASE_WRITES}
    assert {"tracking/api", "tracking/index_runs", "tracking/logged_models"} <= writing
    grace = STAGES["prod"].removal_grace_seconds
    longest = max(found[name]["Properties"]["Timeout"] for name in writing)
    assert longest < grace


def test_removals_start_and_read_executions_and_touch_nothing(prod: Templates) -> None:
    allowed = actions(prod["removal"], "tracking/removals")
    assert not allowed & DATABASE_WRITES
    assert {action for action in allowed if action.startswith("s3:")} == set()


def test_predict_writes_answers_to_be_given_again_and_nothing_else(templates: Templates) -> None:
    serving = templates["serving"]
    writing = [
        statement
        for statement in statements(serving, role_of(functions(serving)["serving/predict"]))
        if DATABASE_WRITES & set(listed(statement["Action"]))
    ]
    (only,) = writing
    assert listed(only["Action"]) == ["dynamodb:PutItem"]
    assert only["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CACHE#*"]}}


def test_predict_reads_models_and_sends_captures_and_traces_and_nothing_else(prod: Templates) -> None:
    allowed = {action.partition(":")[0] for action in actions(prod["serving"], "serving/predict")}
    assert allowed == {"dynamodb", "kms", "logs", "s3", "sqs", "xray"}
    assert not {
        a for a in actions(prod["serving"], "serving/predict") if a.startswith(("s3:Put", "s3:Delete"))
    }


def test_shadows_read_models_take_requests_and_send_captures_and_nothing_else(prod: Templates) -> None:
    allowed = actions(prod["serving"], "serving/predict_shadows")
    assert {action.partition(":")[0] for action in allowed} == {"dynamodb", "kms", "logs", "s3", "sqs"}
    assert not {action for action in allowed if action.startswith(("s3:Put", "s3:Delete"))}


def test_captures_shadows_and_labels_have_dead_letters_of_their_own_with_alarms(prod: Templates) -> None:
    queues = resources(prod["serving"], "AWS::SQS::Queue")
    behind = {
        name: queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for name, queue in queues.items()
        if "RedrivePolicy" in queue["Properties"]
    }
    assert sorted(name[:7] for name in behind) == ["Capture", "LabelsW", "Shadows"]
    assert len({*behind.values()}) == 3
    alarmed = text(resources(prod["serving"], "AWS::CloudWatch::Alarm"))
    for dead_letters in behind.values():
        assert dead_letters in alarmed
        assert queues[dead_letters]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_message_comes_back_only_when_its_consumer_is_gone(prod: Templates) -> None:
    timeouts = {name: one["Properties"]["Timeout"] for name, one in functions(prod["serving"]).items()}
    for name, function in (
        ("Captures", "store_captures"),
        ("Shadows", "predict_shadows"),
        ("LabelsWaiting", "count_labels"),
    ):
        (queue,) = [
            one["Properties"]
            for key, one in resources(prod["serving"], "AWS::SQS::Queue").items()
            if key.startswith(name) and "DeadLetters" not in key
        ]
        assert queue["VisibilityTimeout"] >= 6 * timeouts[f"serving/{function}"]


def test_only_who_lets_a_paused_rollout_go_on_may_say_so_to_the_workflow(templates: Templates) -> None:
    serving = templates["serving"]
    asked = {
        name: {a for a in actions(serving, name) if a.startswith("states:")} for name in functions(serving)
    }
    assert {name: found for name, found in asked.items() if found} == {
        "serving/api": {"states:SendTaskSuccess"},
        "serving/hold_rollout": {"states:SendTaskSuccess"},
    }


def test_people_are_told_of_rollouts_that_did_not_succeed(templates: Templates) -> None:
    rules = resources(templates["serving"], "AWS::Events::Rule").values()
    (rule,) = [
        rule["Properties"] for rule in rules if "rolled_back" in text(rule["Properties"]["EventPattern"])
    ]
    assert rule["EventPattern"]["detail-type"] == ["rollout.ended"]
    assert rule["EventPattern"]["detail"] == {"outcome": ["rolled_back", "failed"]}
    assert "Alarms" in text(rule["Targets"][0]["Arn"])


def test_only_the_job_token_functions_reach_parameters(prod: Templates) -> None:
    for context in CONTEXTS:
        for name in functions(prod[context]):
            if name not in {"access/issue_job_token", "access/revoke_job_token"}:
                assert not {a for a in actions(prod[context], name) if a.startswith("ssm:")}, name


def test_every_function_has_its_own_role_limits_and_kept_logs(templates: Templates) -> None:
    roles = []
    for template in templates.values():
        for name, function in functions(template).items():
            roles.append((template["Resources"][role_of(function)]["Type"], name))
            properties = function["Properties"]
            assert 3 <= properties["Timeout"] <= 900, name
            assert properties["MemorySize"] >= 256, name
            assert properties["Runtime"] == "python3.13", name
            group = properties["LoggingConfig"]["LogGroup"]["Ref"]
            assert template["Resources"][group]["Properties"]["RetentionInDays"] > 0, name
    assert {kind for kind, _ in roles} == {"AWS::IAM::Role"}
    assert len(roles) > 25


def test_a_function_behind_the_gateway_answers_before_the_gateway_gives_up(templates: Templates) -> None:
    for context in CONTEXTS:
        for name, function in functions(templates[context]).items():
            if name.endswith(("/api", "/predict", "/authorize")):
                assert function["Properties"]["Timeout"] <= 29, name


def test_all_logs_end(templates: Templates) -> None:
    for name, group in of_kind(templates, "AWS::Logs::LogGroup"):
        assert group["Properties"].get("RetentionInDays"), name


def test_buckets_are_versioned_encrypted_and_closed(templates: Templates) -> None:
    buckets = list(of_kind(templates, "AWS::S3::Bucket"))
    assert len(buckets) == 3
    for name, bucket in buckets:
        properties = bucket["Properties"]
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}, name
        assert properties["BucketEncryption"], name
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, name
    for name, policy in of_kind(templates, "AWS::S3::BucketPolicy"):
        assert '"aws:SecureTransport": "false"' in text(policy), name


def test_what_holds_state_is_kept_in_production(prod: Templates) -> None:
    for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"):
        for name, found in of_kind(prod, kind):
            assert found["DeletionPolicy"] == "Retain", name
    for name, table in of_kind(prod, "AWS::DynamoDB::Table"):
        properties = table["Properties"]
        assert properties["DeletionProtectionEnabled"] is True, name
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name
        assert properties["SSESpecification"]["SSEEnabled"] is True, name
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name


def test_production_knows_nothing_of_the_local_cloud(prod: Templates) -> None:
    for stack, template in prod.items():
        found = re.findall(
            r"localhost|127\.0\.0\.1|ministack|shelflife-local|/shelflife/local", text(template)
        )
        assert not found, (stack, found)


def test_queues_are_encrypted_and_end_in_dead_letters(templates: Templates) -> None:
    for name, queue in of_kind(templates, "AWS::SQS::Queue"):
        properties = queue["Properties"]
        assert properties["SqsManagedSseEnabled"] is True, name
        assert "DeadLetters" in name or "RedrivePolicy" in properties, name


def test_every_rule_and_stream_has_somewhere_for_what_fails(templates: Templates) -> None:
    for name, rule in of_kind(templates, "AWS::Events::Rule"):
        for target in rule["Properties"]["Targets"]:
            assert "DeadLetterConfig" in target, name
    for name, mapping in of_kind(templates, "AWS::Lambda::EventSourceMapping"):
        properties = mapping["Properties"]
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        if "StartingPosition" in properties:
            assert properties["DestinationConfig"]["OnFailure"], name


def test_every_function_that_listens_has_somewhere_for_what_it_fails(templates: Templates) -> None:
    for stack, template in templates.items():
        targets = [
            text(target["Arn"])
            for rule in resources(template, "AWS::Events::Rule").values()
            for target in rule["Properties"]["Targets"]
        ]
        kept = [
            found["Properties"]["FunctionName"]["Ref"]
            for found in resources(template, "AWS::Lambda::EventInvokeConfig").values()
            if found["Properties"]["DestinationConfig"]["OnFailure"]
        ]
        listening = [
            name
            for name in resources(template, "AWS::Lambda::Function")
            if any(f'"{name}"' in target for target in targets)
        ]
        assert set(listening) <= set(kept), stack
    assert list(of_kind(templates, "AWS::Lambda::EventInvokeConfig"))


def test_machines_log_and_trace(templates: Templates) -> None:
    machines = list(of_kind(templates, "AWS::StepFunctions::StateMachine"))
    assert len(machines) == 8
    for name, machine in machines:
        assert machine["Properties"]["TracingConfiguration"] == {"Enabled": True}, name
        assert machine["Properties"]["LoggingConfiguration"]["Level"] == "ERROR", name
        assert machine["Properties"]["LoggingConfiguration"]["IncludeExecutionData"] is False, name


def test_only_health_and_versions_are_public(templates: Templates) -> None:
    routes = [route["Properties"] for _, route in of_kind(templates, "AWS::ApiGatewayV2::Route")]
    public = {route["RouteKey"] for route in routes if route["AuthorizationType"] == "NONE"}
    assert public == {
        "ANY /v2",
        "ANY /v2/health/{proxy+}",
        "GET /health",
        "GET /version",
        "GET /api/3.0/mlflow/server-info",
        "GET /ajax-api/3.0/mlflow/server-info",
        "GET /static-files/{proxy+}",
    }
    assert all(r["AuthorizationType"] == "CUSTOM" for r in routes if r["RouteKey"] not in public)


def authorizers(templates: Templates) -> dict[str, Any]:
    """The authorizers of the edge, by what their logical ids say."""
    found = resources(templates["edge"], "AWS::ApiGatewayV2::Authorizer")
    return {re.sub(r"^Api|[0-9A-F]{8}$", "", name): made["Properties"] for name, made in found.items()}


def test_a_browsers_session_opens_what_the_pages_ask_and_nothing_else(templates: Templates) -> None:
    pages = authorizers(templates)["PagesAuthorizer"]
    # One person's answer must never be given to another: nothing is kept.
    assert (pages["AuthorizerResultTtlInSeconds"], pages.get("IdentitySource", [])) == (0, [])
    routes = [route["Properties"] for _, route in of_kind(templates, "AWS::ApiGatewayV2::Route")]
    taking = {
        route["RouteKey"] for route in routes if "PagesAuthorizer" in text(route.get("AuthorizerId", ""))
    }
    assert {key for key in taking if "/ajax-api/" not in key} == {
        "GET /",
        "GET /get-artifact",
        "GET /model-versions/get-artifact",
        "GET /sign-in",
        "POST /graphql",
        "POST /sign-in",
        "POST /sign-out",
    }
    called = {route["RouteKey"] for route in routes if "/ajax-api/" in route["RouteKey"]}
    assert called - taking == {"GET /ajax-api/3.0/mlflow/server-info"}


def test_the_edge_caches_authorizers_logs_and_throttles(templates: Templates) -> None:
    authorizer = authorizers(templates)["Authorizer"]
    assert authorizer["AuthorizerResultTtlInSeconds"] == 60
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    (stage,) = resources(templates["edge"], "AWS::ApiGatewayV2::Stage").values()
    assert stage["Properties"]["AccessLogSettings"]["DestinationArn"]
    assert stage["Properties"]["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    (api,) = resources(templates["edge"], "AWS::ApiGatewayV2::Api").values()
    assert "CorsConfiguration" not in api["Properties"]


def test_secrets_are_in_no_variable(templates: Templates) -> None:
    for name, function in of_kind(templates, "AWS::Lambda::Function"):
        variables: dict[str, Any] = function["Properties"]["Environment"]["Variables"]
        assert not [key for key in variables if re.search("TOKEN|SECRET|PASSWORD", key)], name
