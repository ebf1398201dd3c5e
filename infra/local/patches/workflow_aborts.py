"""A stopped or timed-out execution stays so, and what it waits for learns of it.

Stock lets a stopped execution's thread go on: a task that fails afterwards is retried or caught, and its end
overwrites ABORTED with FAILED. A task's ``TimeoutSeconds`` abandons the work without telling it.
``TimeoutSeconds`` of the machine itself is ignored.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import contextvars
import json
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.patches import Cloud

_RUNNING = "RUNNING"
# Whether the executions and the timed tasks around this thread's work still want it, outermost first.
_wanted: ContextVar[tuple[Callable[[], bool], ...]] = ContextVar("wanted", default=())


def is_wanted() -> bool:
    """Whether anyone still waits for what this thread does."""
    return all(still() for still in _wanted.get())


def apply(_cloud: Cloud) -> None:
    _patch_tasks()
    _patch_timed_tasks()
    _patch_ends()
    _patch_machine_timeouts()


def _patch_tasks() -> None:
    stock_task = stepfunctions._execute_task
    stock_invoke = stepfunctions._invoke_resource

    def task(state: dict[str, Any], given: Any, execution: dict[str, Any], ctx: dict[str, Any]) -> Any:
        token = _wanted.set((*_wanted.get(), lambda: execution["status"] == _RUNNING))
        try:
            return stock_task(state, given, execution, ctx)
        finally:
            _wanted.reset(token)

    def invoke(resource: str, given: Any) -> Any:
        if not is_wanted():
            raise stepfunctions._ExecutionError("States.TaskFailed", "the execution has been stopped")
        return stock_invoke(resource, given)

    stepfunctions._execute_task = task
    stepfunctions._invoke_resource = invoke


def _patch_timed_tasks() -> None:
    stock = stepfunctions._invoke_resource_with_timeout

    def timed(resource: str, given: Any, timeout: float) -> Any:
        given_up = threading.Event()
        token = _wanted.set((*_wanted.get(), lambda: not given_up.is_set()))
        try:
            return stock(resource, given, timeout)
        except stepfunctions._ExecutionError as error:
            if error.error == "States.Timeout":
                given_up.set()
            raise
        finally:
            _wanted.reset(token)

    stepfunctions._invoke_resource_with_timeout = timed


def _patch_ends() -> None:
    stock_fail = stepfunctions._fail_execution
    stock_retrier = stepfunctions._find_matching_retrier
    stock_catcher = stepfunctions._find_matching_catcher

    def fail(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == _RUNNING:
            stock_fail(execution, error, cause)

    def retrier(retriers: Any, error: str, counts: Any) -> Any:
        return stock_retrier(retriers, error, counts) if is_wanted() else (None, -1)

    def catcher(catchers: Any, error: str) -> Any:
        return stock_catcher(catchers, error) if is_wanted() else None

    stepfunctions._fail_execution = fail
    stepfunctions._find_matching_retrier = retrier
    stepfunctions._find_matching_catcher = catcher


def _patch_machine_timeouts() -> None:
    stock_run = stepfunctions._run_execution

    def run(arn: str) -> None:
        execution = stepfunctions._executions.get(arn)
        timeout = _machine_timeout(execution)
        if timeout is None:
            stock_run(arn)
            return
        context = contextvars.copy_context()
        timer = threading.Timer(timeout, context.run, (_time_out, execution))
        timer.daemon = True
        timer.start()
        try:
            stock_run(arn)
        finally:
            timer.cancel()

    stepfunctions._run_execution = run


def _machine_timeout(execution: dict[str, Any] | None) -> float | None:
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) if execution else None
    seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    return None if seconds is None else float(seconds)


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] != _RUNNING:
        return
    execution["status"] = "TIMED_OUT"
    execution["stopDate"] = stepfunctions.now_iso()
    execution["error"], execution["cause"] = "States.Timeout", "State Machine Timed Out"
    stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    stepfunctions._emit_execution_status_event(execution)
