"""Run a state machine's real ASL file with the real handlers, in this process.

    def test_a_lost_race_is_retried(aws: None) -> None:
        ended = run("registry/register_model", golden("registry/register_version"))
        assert ended.status == "SUCCEEDED"
        assert ended.output["registered"]["version"] == 1

`run` needs the fixture `aws` (and the tables and settings of the contexts whose handlers it calls). moto's
Step Functions executes the file; what moto would do with Docker or not at all is bound here:

- ``${placeholder}`` as a FunctionName is `functions/<context>/<placeholder>/handler.py` of the machine's own
  context, or else the only function of that name, unless `handlers` names another callable
  ``(event, context) -> answer``. An exception of a handler becomes a Lambda error whose
  `errorType` is the class name, as on AWS.
- ``${placeholder}`` as a StateMachineArn is `statemachines/*/<placeholder>.asl.json`, run for real too
  (`states:startExecution.sync:2`), its handlers bound in the same way. To replace a nested machine, give its
  definition in `machines`: ``{"register_model": succeed({"registered": {...}})}``, or `fail(error, cause)`.
- Any other ``${placeholder}`` (a queue, a role, an image) is its own name unless `values` says more.
- Other services are bound by `integrations`:
  ``{"sagemaker:createTrainingJob.sync": train, "batch:submitJob.sync": train}``, each a callable
  ``(parameters) -> output`` that returns when the job is over.
- Any of these callables raises `TaskFailed(error, cause)` for errors that are no exceptions of ours:
  ``TaskFailed("Lambda.TooManyRequestsException")``, ``TaskFailed("States.TaskFailed", describe_json)``.

What is not bound at all raises `UnboundError` from `run`. Retries and Wait states do not wait. Handlers run
one at a time; each event and each answer goes through JSON. `ended.states` are the names of the states that
were entered, in order (not those of nested machines); `ended.error` and `ended.cause` are a Fail state's.

To execute a machine that a handler starts by itself (an API that calls `start_execution`):

    with deployed("data/ingest_dataset") as arn:      # put the ARN into the handler's settings
        ...                                           # call the handler
        assert ended(execution_arn).status == "SUCCEEDED"
"""

import importlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final
from uuid import uuid4

from shelflife.aws.clients import client
from tests.harness.events import LambdaContext
from tests.harness.states import TaskFailed, hooks

__all__ = [
    "Bindings",
    "Execution",
    "TaskFailed",
    "UnboundError",
    "deployed",
    "ended",
    "fail",
    "run",
    "succeed",
]

ROOT: Final = Path(__file__).resolve().parents[2]
STATEMACHINES = ROOT / "statemachines"
FUNCTIONS = ROOT / "functions"

Handler = Callable[[Any, Any], Any]
Integration = Callable[[Any], Any]

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_FUNCTION = re.compile(r'"FunctionName"\s*:\s*"\$\{(\w+)\}"')
_MACHINE = re.compile(r'"StateMachineArn"\s*:\s*"\$\{(\w+)\}"')
_ROLE = "arn:aws:iam::123456789012:role/workflow"
_GIVE_UP_SECONDS = 60
#: Stands between a function's context and its name, where Lambda allows no slash.
_OF = "__"
#: A function answers one event at a time; moto runs the branches of a Map as threads of one process.
_ONE_AT_A_TIME = Lock()


class UnboundError(LookupError):
    """The ASL file asks for something that the test did not bind and the tree does not have."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How an execution ended."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bindings:
    """What takes the place of a machine's functions, services and nested machines."""

    handlers: Mapping[str, Handler] = field(default_factory=dict)
    integrations: Mapping[str, Integration] = field(default_factory=dict)
    machines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    unbound: list[UnboundError] = field(default_factory=list)

    def invoke(self, name: str, event: str) -> tuple[str, bool]:
        """A handler's answer, or its error as Lambda tells it."""
        try:
            handler = self.handlers.get(name.rpartition(_OF)[2]) or self._noted(handler_of, name)
            with _ONE_AT_A_TIME:
                return json.dumps(handler(json.loads(event), LambdaContext())), False
        except TaskFailed as failure:
            return json.dumps({"errorType": failure.error, "errorMessage": failure.cause}), True
        except Exception as error:  # noqa: BLE001 - Lambda, too, tells any exception by its class's name
            return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}), True

    def serve(self, resource: str, parameters: Any) -> Any:
        """What another service answers when its job is over."""
        integration = self._noted(self._integration, resource)
        return json.loads(json.dumps(integration(parameters)))

    def _integration(self, resource: str) -> Integration:
        if resource not in self.integrations:
            raise UnboundError(f"no integration {resource!r} was given")
        return self.integrations[resource]

    def _noted(self, find: Callable[[str], Callable[..., Any]], name: str) -> Callable[..., Any]:
        try:
            return find(name)
        except UnboundError as error:
            self.unbound.append(error)
            raise


def run(
    source: str,
    asked: Any,
    *,
    handlers: Mapping[str, Handler] | None = None,
    integrations: Mapping[str, Integration] | None = None,
    machines: Mapping[str, Mapping[str, Any]] | None = None,
    values: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Execution:
    """Execute `statemachines/<source>.asl.json` with the input `asked`, to its end.

    Raises:
        UnboundError: a state was entered whose function or service nobody has.
    """
    bindings = Bindings(handlers or {}, integrations or {}, machines or {}, values or {})
    with deployed(source, bindings) as arn:
        started = client("stepfunctions").start_execution(
            stateMachineArn=arn, name=name or uuid4().hex, input=json.dumps(asked)
        )
        execution = ended(started["executionArn"])
    if bindings.unbound:
        raise bindings.unbound[0]
    return execution


@contextmanager
def deployed(source: str, bindings: Bindings | None = None) -> Iterator[str]:
    """The machine, and those that it starts, ready to be executed; answers its ARN."""
    bound = bindings or Bindings()
    with ExitStack() as stack:
        for hook in hooks(bound.invoke, bound.serve):
            stack.enter_context(hook)
        # A machine of that name would stay as it was: the next run may bind it otherwise.
        stack.callback(_undeploy)
        yield _deploy(STATEMACHINES / f"{source}.asl.json", bound)


def ended(execution_arn: str) -> Execution:
    """Wait for the execution's end, inside `deployed`."""
    states = client("stepfunctions")
    give_up = time.monotonic() + _GIVE_UP_SECONDS
    while (told := states.describe_execution(executionArn=execution_arn))["status"] == "RUNNING":
        if time.monotonic() > give_up:
            raise TimeoutError(execution_arn)
        time.sleep(0.01)
    history = states.get_execution_history(executionArn=execution_arn)["events"]
    entered = [event["stateEnteredEventDetails"] for event in history if "stateEnteredEventDetails" in event]
    return Execution(
        status=told["status"],
        output=json.loads(told["output"]) if "output" in told else None,
        error=told.get("error"),
        cause=told.get("cause"),
        states=tuple(state["name"] for state in entered),
    )


def succeed(output: Any) -> dict[str, Any]:
    """The definition of a machine that answers `output` at once."""
    return {
        "StartAt": "Answer",
        "States": {"Answer": {"Type": "Pass", "Result": output, "Next": "Done"}, "Done": {"Type": "Succeed"}},
    }


def fail(error: str, cause: str) -> dict[str, Any]:
    """The definition of a machine that fails at once."""
    return {"StartAt": "Failed", "States": {"Failed": {"Type": "Fail", "Error": error, "Cause": cause}}}


def handler_of(name: str) -> Handler:
    """The handler of `functions/<context>/<function>`, called ``<context>__<function>``.

    Raises:
        UnboundError: neither has the context such a function, nor just one other.
    """
    context, _, function = name.rpartition(_OF)
    own = FUNCTIONS / context / function / "handler.py"
    found = [own] if own.exists() else sorted(FUNCTIONS.glob(f"*/{function}/handler.py"))
    if len(found) != 1:
        raise UnboundError(f"{len(found)} functions are called {function!r}")
    module = importlib.import_module(".".join(found[0].relative_to(ROOT).with_suffix("").parts))
    handler: Handler = module.handler
    return handler


def _deploy(path: Path, bindings: Bindings) -> str:
    text = path.read_text()
    context = path.parent.name
    given = {name: f"{context}{_OF}{name}" for name in _FUNCTION.findall(text)}
    given |= {name: _nested(name, bindings) for name in _MACHINE.findall(text)}
    given |= dict(bindings.values)
    definition = _PLACEHOLDER.sub(lambda found: given.get(found[1], found[1]), text)
    return _create(path.name.removesuffix(".asl.json"), definition)


def _create(name: str, definition: str) -> str:
    created = client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=_ROLE)
    return created["stateMachineArn"]


def _nested(name: str, bindings: Bindings) -> str:
    if name in bindings.machines:
        return _create(name, json.dumps(bindings.machines[name]))
    found = sorted(STATEMACHINES.glob(f"*/{name}.asl.json"))
    if len(found) != 1:
        raise UnboundError(f"{len(found)} state machines are called {name!r}")
    return _deploy(found[0], bindings)


def _undeploy() -> None:
    states = client("stepfunctions")
    for machine in states.list_state_machines()["stateMachines"]:
        states.delete_state_machine(stateMachineArn=machine["stateMachineArn"])
