"""Contract: what our stacks are made of works when CloudFormation makes it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from ministack.services import dynamodb, eventbridge, lambda_svc, scheduler

from infra.local.patches.stream_batches import first_failed
from tests.infra.local.account import ROLE, Account, zipped

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = """
import helper, json
def handler(event, context):
    bad = []
    for record in event["Records"]:
        change = record.get("dynamodb")
        key = change["Keys"]["pk"]["S"] if change else record["body"]
        print("GOT", key)
        if key.endswith("boom"): raise ValueError(key)
        if key.endswith("bad"):
            bad.append({"itemIdentifier": change["SequenceNumber"] if change else record["messageId"]})
    return {"batchItemFailures": bad}
"""
EVENTS = "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"


@pytest.fixture(scope="session")
def made(aws: Account) -> dict[str, str]:
    """The outputs of one stack with everything in it."""
    s3, bucket = aws.client("s3"), aws.name("assets")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    files = {
        "records": {"handler.py": RECORDS},
        "events": {"handler.py": EVENTS},
        "layer": {"python/helper.py": ""},
    }
    for key, content in files.items():
        s3.put_object(Bucket=bucket, Key=key, Body=zipped(content))

    def function(key: str) -> dict[str, Any]:
        properties = {
            "Code": {"S3Bucket": bucket, "S3Key": key},
            "Handler": "handler.handler",
            "Runtime": "python3.13",
            "Role": ROLE,
            "Layers": [{"Ref": "Layer"}],
        }
        return {"Type": "AWS::Lambda::Function", "Properties": properties}

    def arn(name: str, attribute: str = "Arn") -> dict[str, Any]:
        return {"Fn::GetAtt": [name, attribute]}

    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "NEWS#"}]}}}}
    machine = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    resources: dict[str, Any] = {
        "Layer": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"Content": {"S3Bucket": bucket, "S3Key": "layer"}},
        },
        "OnStream": function("records"),
        "OnQueue": function("records"),
        "OnEvent": function("events"),
        "Table": {
            "Type": "AWS::DynamoDB::GlobalTable",
            "Properties": {
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
                "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
                "Replicas": [
                    {
                        "Region": "eu-west-1",
                        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                    }
                ],
            },
        },
        "Lost": {"Type": "AWS::SQS::Queue"},
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": 1,
                "RedrivePolicy": {"deadLetterTargetArn": arn("Dead"), "maxReceiveCount": 1},
            },
        },
        "FromQueue": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": arn("Queue"),
                "FunctionName": {"Ref": "OnQueue"},
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        },
        "FromStream": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": arn("Table", "StreamArn"),
                "FunctionName": {"Ref": "OnStream"},
                "BatchSize": 10,
                "StartingPosition": "TRIM_HORIZON",
                "BisectBatchOnFunctionError": True,
                "MaximumRetryAttempts": 1,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)}]},
                "DestinationConfig": {"OnFailure": {"Destination": arn("Lost")}},
            },
        },
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": aws.name("bus")}},
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"RoleArn": ROLE, "DefinitionString": json.dumps(machine)},
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventBusName": {"Ref": "Bus"},
                "EventPattern": {"source": ["shelflife.registry"]},
                "Targets": [
                    {
                        "Id": "function",
                        "Arn": arn("OnEvent"),
                        "InputTransformer": {
                            "InputPathsMap": {"detail": "$.detail", "id": "$.id"},
                            "InputTemplate": '{"detail": <detail>, "id": "<id>"}',
                        },
                    },
                    {"Id": "machine", "Arn": {"Ref": "Machine"}, "RoleArn": ROLE, "InputPath": "$.detail"},
                ],
            },
        },
        "Metrics": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Metrics": [{"Id": "e", "Expression": "1", "ReturnData": True}],
                "EvaluationPeriods": 1,
                "Threshold": 1,
                "ComparisonOperator": "GreaterThanThreshold",
            },
        },
        "Both": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {"AlarmRule": {"Fn::Sub": "ALARM(${Metrics})"}},
        },
    }
    outputs = {name: {"Value": {"Ref": name}} for name in resources}
    return aws.outputs(aws.stack({"Resources": resources, "Outputs": outputs}))


def got(aws: Account, function: str, text: str) -> bool:
    try:
        return any(line.startswith("GOT") and text in line for line in aws.log(function))
    except ClientError:
        return False


def test_the_emulator_still_has_the_hooks() -> None:
    hooks = (
        "_poll_dynamodb_streams _iter_all_esms _apply_filter_criteria _send_ddb_stream_failure_record"
        " _execute_function"
        " _dynamodb_stream_table_from_arn_spec _get_func_record_for_qualifier"
    )
    for name in hooks.split():
        assert callable(getattr(lambda_svc, name)), name
    for name in ("stream_start_position", "stream_end_position", "stream_records_since", "_update_ttl"):
        assert callable(getattr(dynamodb, name)), name
    assert eventbridge._SCHEDULER_TICK_INTERVAL
    assert scheduler._SCHEDULE_TICK_INTERVAL


def test_a_failing_record_of_a_stream_is_given_up_and_the_rest_arrives(
    aws: Account, made: dict[str, str], eventually: Callable[..., Any]
) -> None:
    for key in ("OTHER#1", "NEWS#1", "NEWS#bad", "NEWS#2", "NEWS#boom", "NEWS#3"):
        aws.client("dynamodb").put_item(TableName=made["Table"], Item={"pk": {"S": key}})
    eventually(lambda: got(aws, made["OnStream"], "NEWS#3"))
    assert got(aws, made["OnStream"], "NEWS#2")
    assert not got(aws, made["OnStream"], "OTHER#1")
    lost: list[str] = []

    def both() -> bool:
        lost.extend(
            m["Body"] for m in aws.client("sqs").receive_message(QueueUrl=made["Lost"]).get("Messages", ())
        )
        return len(lost) == 2

    eventually(both)
    assert {json.loads(body)["requestContext"]["condition"] for body in lost} == {"RetryAttemptsExhausted"}
    assert {json.loads(body)["DDBStreamBatchInfo"]["batchSize"] for body in lost} == {1}


def test_the_first_failed_record_decides() -> None:
    batch = [{"dynamodb": {"SequenceNumber": str(number)}} for number in (5, 6, 7)]
    esm = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}

    def body(*numbers: str) -> dict[str, Any]:
        return {"body": {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}}

    assert first_failed(batch, body("7", "6"), esm) == 1
    assert first_failed(batch, body("unknown"), esm) == 0
    assert first_failed(batch, body(), esm) is None
    assert first_failed(batch, body("6"), {}) is None
    assert first_failed(batch, {"error": True}, esm) == 0


def test_a_failing_message_ends_in_the_dead_letter_queue(
    aws: Account, made: dict[str, str], eventually: Callable[..., Any]
) -> None:
    for text in ("good", "bad"):
        aws.client("sqs").send_message(QueueUrl=made["Queue"], MessageBody=text)
    eventually(lambda: got(aws, made["OnQueue"], "good"))
    receive = aws.client("sqs").receive_message
    messages = eventually(lambda: receive(QueueUrl=made["Dead"]).get("Messages"))
    assert [message["Body"] for message in messages] == ["bad"]


def test_an_event_reaches_function_and_machine(
    aws: Account, made: dict[str, str], eventually: Callable[..., Any]
) -> None:
    entry = {
        "EventBusName": made["Bus"],
        "Source": "shelflife.registry",
        "DetailType": "x",
        "Detail": '{"n": 1}',
    }
    aws.client("events").put_events(Entries=[entry])
    eventually(lambda: got(aws, made["OnEvent"], '"detail": {"n": 1}'))
    client = aws.client("stepfunctions")
    executions = eventually(lambda: client.list_executions(stateMachineArn=made["Machine"])["executions"])
    described = client.describe_execution(executionArn=executions[0]["executionArn"])
    assert json.loads(described["input"]) == {"n": 1}


def test_a_schedule_fires_within_seconds(
    aws: Account, made: dict[str, str], eventually: Callable[..., Any]
) -> None:
    at = time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + 1))
    target = {
        "Arn": f"arn:aws:lambda:eu-west-1:{aws.cloud.account}:function:{made['OnEvent']}",
        "RoleArn": ROLE,
        "Input": '{"from": "schedule"}',
    }
    aws.client("scheduler").create_schedule(
        Name=aws.name("soon"), ScheduleExpression=at, FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    eventually(lambda: got(aws, made["OnEvent"], '"from": "schedule"'), 5)


def test_a_tables_settings_are_set(aws: Account, made: dict[str, str]) -> None:
    client = aws.client("dynamodb")
    lifetime = client.describe_time_to_live(TableName=made["Table"])["TimeToLiveDescription"]
    assert lifetime == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = client.describe_continuous_backups(TableName=made["Table"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_unknown_types_are_refused_by_name(aws: Account) -> None:
    with pytest.raises(ClientError, match="AWS::QLDB::Ledger"):
        aws.stack({"Resources": {"X": {"Type": "AWS::QLDB::Ledger", "Properties": {}}}})


def test_layers_with_the_same_content_are_one(aws: Account) -> None:
    archive = zipped({"python/same.py": "X = 1"})
    for stem in ("one", "two"):
        aws.client("lambda").publish_layer_version(LayerName=aws.name(stem), Content={"ZipFile": archive})
    name = aws.function("def handler(event, context):\n    return 1\n")
    assert aws.invoke(name) == 1


def test_a_log_prefix_is_kept_to(aws: Account) -> None:
    logs, group = aws.client("logs"), aws.name("group")
    logs.create_log_group(logGroupName=group)
    for stream in ("a-1", "b-1"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": stream}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    for prefix, expected in (("a", ["a-1"]), ("c", [])):
        found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=prefix)["events"]
        assert [event["message"] for event in found] == expected
