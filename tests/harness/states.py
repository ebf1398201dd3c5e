"""Every hook into moto's Step Functions that tests/harness/workflows.py relies on.

Its canary is tests/workflows/test_harness.py.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from moto.awslambda.models import LambdaBackend
from moto.core.config import default_user_config
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_batch,
    state_task_service_callback,
    state_task_service_sfn,
    state_task_service_unsupported,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from shelflife.aws.clients import client

#: A function's name and the event's JSON to the answer's JSON, and whether that is an error.
Invoke = Callable[[str, str], tuple[str, bool]]
#: A resource, such as ``batch:submitJob.sync``, and its parameters to its output.
Serve = Callable[[str, Any], Any]


class TaskFailed(Exception):  # noqa: N818 - Step Functions' own word for it
    """What a handler or integration raises for an error that is no exception of ours."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


def hooks(invoke: Invoke, serve: Serve) -> Iterator[Any]:
    """The patches under which moto executes a machine with these functions and services."""

    def invoked(_self: Any, name: str, _qualifier: Any, body: Any, _asked: Any, headers: Any) -> bytes:
        answer, failed = invoke(name, body or "{}")
        if failed:
            headers["x-amz-function-error"] = "Unhandled"
        headers["Content-Length"] = str(len(answer.encode()))
        return answer.encode()

    def served(self: Any, env: Any, normalised_parameters: Any, **_given: Any) -> None:
        resource = self.resource.resource_arn.partition(":::")[2]
        try:
            env.stack.append(serve(resource, normalised_parameters))
        except TaskFailed as failure:
            raise _failed(env, resource, failure) from failure

    yield patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": True}})
    yield patch.object(LambdaBackend, "invoke", invoked)
    yield patch.object(retrier_decl, "time", SimpleNamespace(sleep=lambda _seconds: None))
    yield patch.object(WaitFunction, "_wait_interval", lambda *_args, **_given: None)
    yield patch.object(state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", 0.01)
    # moto neither takes nor answers the PascalCase names of this integration.
    nested = state_task_service_sfn.StateTaskServiceSfn
    yield patch.object(nested, "_eval_service_task", _start)
    yield patch.object(nested, "_normalise_response", _told_as_step_functions_does)
    unsupported = state_task_service_unsupported.StateTaskServiceUnsupported
    yield patch.object(unsupported, "_log_unsupported_warning", lambda _self: None)
    for service in (unsupported, state_task_service_batch.StateTaskServiceBatch):
        yield patch.object(service, "_eval_service_task", served)
        # `serve` answers when the job is over, so that nothing is left to wait for.
        yield patch.object(service, "_is_integration_pattern", lambda _self: False)


def _start(_self: Any, env: Any, normalised_parameters: Any, **_given: Any) -> None:
    asked = {key[0].lower() + key[1:]: value for key, value in normalised_parameters.items()}
    started = client("stepfunctions").start_execution(**{"name": uuid4().hex} | asked)
    env.stack.append({"executionArn": started["executionArn"]})


def _told_as_step_functions_does(_self: Any, response: Any, **_given: Any) -> None:
    for key in list(response):
        value = response.pop(key)
        told = int(value.timestamp() * 1000) if isinstance(value, datetime) else value
        response[key[0].upper() + key[1:]] = told


def _failed(env: Any, resource: str, failure: TaskFailed) -> FailureEventException:
    name = StatesErrorName.from_name if failure.error.startswith("States.") else CustomErrorName
    details = TaskFailedEventDetails(
        error=failure.error,
        cause=failure.cause,
        resource=resource,
        resourceType=resource.partition(":")[0],
    )
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=name(failure.error),
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )
    )
