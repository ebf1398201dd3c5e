"""Contract: Step Functions does what our state machines ask of it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services import stepfunctions

from infra.local.patches.workflow_retries import delay_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.local.account import Account

FAILING = """
class LostRaceError(Exception): pass
class RefusedError(Exception): pass
calls = []
def handler(event, context):
    calls.append(1)
    if event.get("refuse"): raise RefusedError("no")
    if len(calls) <= event.get("lose", 0): raise LostRaceError("again")
    if event.get("size"): return "x" * event["size"]
    return {"calls": len(calls), "got": event}
"""


@pytest.fixture
def run(aws: Account, eventually: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    def execute(states: dict[str, Any], given: object = None, **machine: Any) -> dict[str, Any]:
        arn = aws.machine({"StartAt": next(iter(states)), "States": states, **machine})
        execution = aws.execute(arn, given)

        def state() -> dict[str, Any]:
            found: dict[str, Any] = aws.client("stepfunctions").describe_execution(executionArn=execution)
            return found

        eventually(lambda: state()["status"] != "RUNNING")
        return state()

    return execute


def task(name: str, payload: object, **fields: Any) -> dict[str, Any]:
    parameters = {"FunctionName": name, "Payload": payload}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": parameters,
        "End": True,
        **fields,
    }


def test_the_emulator_still_has_the_hooks() -> None:
    hooks = (
        "_execute_task _invoke_resource _invoke_resource_with_timeout _fail_execution _find_matching_retrier"
        " _find_matching_catcher _run_execution _add_event _emit_execution_status_event now_iso"
        " _invoke_with_callback _call_lambda"
    )
    for name in hooks.split():
        assert callable(getattr(stepfunctions, name)), name
    assert isinstance(stepfunctions._SERVICE_DISPATCH, dict)


def test_a_retry_matches_the_exceptions_class_and_waits(aws: Account, run: Any) -> None:
    name = aws.function(FAILING)
    retry = {
        "ErrorEquals": ["LostRaceError"],
        "IntervalSeconds": 1,
        "MaxAttempts": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 1,
    }
    began = time.monotonic()
    result = run({"Work": task(name, {"lose": 2}, Retry=[retry], OutputPath="$.Payload")})
    assert json.loads(result["output"])["calls"] == 3
    assert 2 <= time.monotonic() - began < 4


def test_a_catch_matches_the_exceptions_class(aws: Account, run: Any) -> None:
    catch = {"ErrorEquals": ["RefusedError"], "ResultPath": "$.failure", "Next": "Refused"}
    states = {
        "Work": task(aws.function(FAILING), {"refuse": 1}, Catch=[catch]),
        "Refused": {"Type": "Succeed"},
    }
    output = json.loads(run(states, {"kept": 1})["output"])
    assert output["kept"] == 1
    assert output["failure"]["Error"] == "RefusedError"
    assert json.loads(output["failure"]["Cause"])["errorMessage"] == "no"


def test_delays_grow_to_their_limit_and_jitter_stays_below() -> None:
    retrier = {"IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10}
    assert [delay_seconds(retrier, count) for count in range(3)] == [2, 6, 10]
    assert all(0 <= delay_seconds(retrier | {"JitterStrategy": "FULL"}, 1) <= 6 for _ in range(20))


def test_data_over_256_kib_fails_the_task(aws: Account, run: Any) -> None:
    assert (
        run({"Work": task(aws.function(FAILING), {"size": 300_000})})["error"] == "States.DataLimitExceeded"
    )


def test_a_machines_timeout_ends_it(run: Any) -> None:
    result = run({"Wait": {"Type": "Wait", "Seconds": 30, "End": True}}, TimeoutSeconds=1)
    assert result["status"] == "TIMED_OUT"


def test_a_stopped_execution_stays_aborted(aws: Account, eventually: Any) -> None:
    name = aws.function(
        "import time\ndef handler(event, context):\n    time.sleep(1)\n    raise ValueError\n", Timeout=5
    )
    machine = aws.machine(
        {
            "StartAt": "W",
            "States": {"W": task(name, {}, Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}])},
        }
    )
    execution = aws.execute(machine)
    time.sleep(0.5)
    aws.client("stepfunctions").stop_execution(executionArn=execution)
    time.sleep(1.5)
    assert aws.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_intrinsics_map_choice_parallel_and_wait(aws: Account, run: Any) -> None:
    name = aws.function(FAILING)
    states = {
        "Shape": {
            "Type": "Pass",
            "Parameters": {
                "items.$": "$.items",
                "text.$": "States.Format('{}/{}', $.name, $$.Execution.Name)",
                "json.$": "States.JsonToString($.items)",
                "id.$": "States.UUID()",
                "count.$": "States.ArrayLength($.items)",
            },
            "Next": "Choose",
        },
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.count", "NumericGreaterThan": 1, "Next": "Wait"}],
            "Default": "Wrong",
        },
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Each"},
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemSelector": {"item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index"},
            "MaxConcurrency": 2,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Call",
                "States": {
                    "Call": {
                        **task(name, {"item.$": "$.item"}),
                        "ResultSelector": {"got.$": "$.Payload.got.item"},
                    }
                },
            },
            "ResultPath": "$.each",
            "Next": "Both",
        },
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 1, "End": True}}},
                {"StartAt": "B", "States": {"B": {"Type": "Pass", "Result": 2, "End": True}}},
            ],
            "ResultPath": "$.both",
            "End": True,
        },
        "Wrong": {"Type": "Fail", "Error": "Wrong"},
    }
    result = run(states, {"name": "n", "items": [3, 4]})
    output = json.loads(result["output"])
    assert output["each"] == [{"got": 3}, {"got": 4}]
    assert output["both"] == [1, 2]
    assert output["json"].replace(" ", "") == "[3,4]"
    assert output["count"] == 2
    assert output["text"].startswith("n/")
    assert len(output["id"]) == 36


def test_services_are_integrated(aws: Account, run: Any) -> None:
    table, queue = aws.name("table"), aws.name("queue")
    aws.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    url = aws.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    topic = aws.client("sns").create_topic(Name=aws.name("topic"))["TopicArn"]

    def call(resource: str, parameters: object, following: str | None) -> dict[str, Any]:
        end = {"Next": following} if following else {"End": True}
        return {
            "Type": "Task",
            "Resource": f"arn:aws:states:::{resource}",
            "Parameters": parameters,
            "ResultPath": "$.r",
            **end,
        }

    item = {"pk": {"S.$": "$.id"}, "n": {"N": "1"}}
    update = {
        "TableName": table,
        "Key": {"pk": {"S": "x"}},
        "UpdateExpression": "SET n = n + :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
        "ReturnValues": "ALL_NEW",
    }
    entry = {
        "Source": "shelflife.test",
        "DetailType": "thing.happened",
        "Detail": {"id.$": "$.id"},
        "EventBusName": "default",
    }
    states = {
        "Put": call("dynamodb:putItem", {"TableName": table, "Item": item}, "Update"),
        "Update": call("dynamodb:updateItem", update, "Query"),
        "Query": call(
            "aws-sdk:dynamodb:query",
            {
                "TableName": table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": "x"}},
            },
            "Keep",
        ),
        "Keep": {"Type": "Pass", "InputPath": "$.r.Items[0].n.N", "ResultPath": "$.n", "Next": "Send"},
        "Send": call("sqs:sendMessage", {"QueueUrl": url, "MessageBody": {"n.$": "$.n"}}, "Publish"),
        "Publish": call("sns:publish", {"TopicArn": topic, "Message": "m"}, "News"),
        "News": call("events:putEvents", {"Entries": [entry]}, None),
    }
    result = run(states, {"id": "x"})
    assert result["status"] == "SUCCEEDED", result
    output = json.loads(result["output"])
    assert output["n"] == "2"
    assert output["r"]["FailedEntryCount"] == 0
    message = aws.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"]
    assert json.loads(message) == {"n": "2"}


def test_a_condition_that_fails_has_dynamodbs_error(aws: Account, run: Any) -> None:
    table = aws.name("table")
    aws.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    parameters = {
        "TableName": table,
        "Item": {"pk": {"S": "x"}},
        "ConditionExpression": "attribute_exists(pk)",
    }
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": parameters,
        "End": True,
    }
    assert run({"Put": state})["error"] == "DynamoDB.ConditionalCheckFailedException"


def test_a_nested_execution_gives_its_output(aws: Account, run: Any) -> None:
    child = aws.machine({"StartAt": "S", "States": {"S": {"Type": "Pass", "Result": {"a": 1}, "End": True}}})
    failing = aws.machine(
        {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken", "Cause": "c"}}}
    )

    def nested(machine: str) -> dict[str, Any]:
        parameters = {
            "StateMachineArn": machine,
            "Input": {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"},
        }
        resource = "arn:aws:states:::states:startExecution.sync:2"
        return {
            "Type": "Task",
            "Resource": resource,
            "Parameters": parameters,
            "ResultSelector": {"out.$": "$.Output.a"},
            "End": True,
        }

    assert json.loads(run({"N": nested(child)})["output"]) == {"out": 1}
    failed = run({"N": nested(failing)})
    assert (failed["status"], failed["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(failed["cause"])["Error"] == "Broken"


def test_a_task_token_is_waited_for(aws: Account, eventually: Any) -> None:
    url = aws.client("sqs").create_queue(QueueName=aws.name("queue"))["QueueUrl"]
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}},
        "TimeoutSeconds": 20,
        "End": True,
    }
    execution = aws.execute(aws.machine({"StartAt": "Ask", "States": {"Ask": state}}))
    messages = eventually(lambda: aws.client("sqs").receive_message(QueueUrl=url).get("Messages"))
    aws.client("stepfunctions").send_task_success(
        taskToken=json.loads(messages[0]["Body"])["token"], output='{"ok": 1}'
    )
    client = aws.client("stepfunctions")
    eventually(lambda: client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")


def test_a_function_that_fails_with_a_token_fails_its_task_and_is_asked_again(
    aws: Account, eventually: Any
) -> None:
    name = aws.function(FAILING)
    state = task(
        name,
        {"lose": 1, "token.$": "$$.Task.Token"},
        Resource="arn:aws:states:::lambda:invoke.waitForTaskToken",
        Retry=[{"ErrorEquals": ["LostRaceError"], "IntervalSeconds": 1, "MaxAttempts": 2}],
        Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Held"}],
        TimeoutSeconds=4,
    )
    machine = aws.machine({"StartAt": "Ask", "States": {"Ask": state, "Held": {"Type": "Succeed"}}})
    client = aws.client("stepfunctions")
    execution = aws.execute(machine)
    eventually(lambda: client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")
    history = client.get_execution_history(executionArn=execution)["events"]
    failed = [one["taskFailedEventDetails"]["error"] for one in history if "taskFailedEventDetails" in one]
    assert failed == ["LostRaceError", "States.Timeout"]
