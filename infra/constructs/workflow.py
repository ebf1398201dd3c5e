"""A state machine from its ASL file."""

import re
from collections.abc import Mapping

from aws_cdk import Duration, aws_lambda, aws_logs
from aws_cdk.aws_stepfunctions import (
    DefinitionBody,
    LogLevel,
    LogOptions,
    StateMachine,
    StateMachineType,
)
from constructs import Construct

from infra.config import Stage
from infra.names import STATEMACHINES

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


class PlaceholderMismatchError(ValueError):
    def __init__(self, file: str, asked: set[str], given: set[str]) -> None:
        super().__init__(f"{file}: asks for {sorted(asked)}, was given {sorted(given)}")


class Workflow(Construct):
    """`statemachines/<source>.asl.json`; its ``${names}`` must be exactly the names given here.

    A function's name is that of its folder; `values` are ARNs and names of anything else. The machine may
    invoke the functions; everything more is a grant in the stack.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        source: str,
        functions: Mapping[str, aws_lambda.IFunction],
        values: Mapping[str, str] | None = None,
        timeout_hours: int = 48,
    ) -> None:
        super().__init__(scope, id)
        path = STATEMACHINES / f"{source}.asl.json"
        given = {name: function.function_arn for name, function in functions.items()} | dict(values or {})
        asked = set(_PLACEHOLDER.findall(path.read_text()))
        if asked != given.keys():
            raise PlaceholderMismatchError(path.name, asked, set(given))
        logs = aws_logs.LogGroup(
            self,
            "Logs",
            # Step Functions writes through a resource policy, whose size is bounded: names below
            # /aws/vendedlogs/ do not count towards it.
            log_group_name=f"/aws/vendedlogs/states/{stage.stack_prefix}/{source}",
            retention=stage.log_retention,
            removal_policy=stage.removal_policy,
        )
        self.state_machine = StateMachine(
            self,
            "StateMachine",
            state_machine_type=StateMachineType.STANDARD,
            definition_body=DefinitionBody.from_file(str(path)),
            definition_substitutions=given,
            timeout=Duration.hours(timeout_hours),
            tracing_enabled=True,
            logs=LogOptions(destination=logs, level=LogLevel.ERROR, include_execution_data=False),
            removal_policy=stage.removal_policy,
        )
        for function in functions.values():
            function.grant_invoke(self.state_machine)
