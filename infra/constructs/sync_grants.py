"""What a state machine needs to wait for jobs and other machines (`.sync`).

Step Functions learns the end of such a task from an EventBridge rule that it manages itself, one per
service and account; the rules' names are AWS's own.
"""

from aws_cdk import Stack, aws_iam
from aws_cdk.aws_stepfunctions import IStateMachine, StateMachine

_NESTED_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
_SAGEMAKER_RULE = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
_BATCH_RULE = "StepFunctionsGetEventsForBatchJobsRule"


def allow_nested(machine: StateMachine, nested: IStateMachine) -> None:
    """Start the nested machine, watch its executions, and stop them when this one is stopped."""
    nested.grant_start_execution(machine)
    nested.grant_execution(machine, "states:DescribeExecution", "states:StopExecution")
    _allow_rule(machine, _NESTED_RULE)


def allow_training_jobs(machine: StateMachine, *, name_prefix: str, role: aws_iam.IRole) -> None:
    """Run SageMaker training jobs of that name, under that role."""
    jobs = Stack.of(machine).format_arn(
        service="sagemaker", resource="training-job", resource_name=f"{name_prefix}*"
    )
    _allow(
        machine,
        [
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:StopTrainingJob",
            "sagemaker:AddTags",
        ],
        jobs,
    )
    machine.add_to_role_policy(
        aws_iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
    )
    _allow_rule(machine, _SAGEMAKER_RULE)


def allow_batch_jobs(machine: StateMachine, *, queue_arn: str, definition_arn: str) -> None:
    """Run Batch jobs of that definition in that queue."""
    _allow(machine, ["batch:SubmitJob"], queue_arn, definition_arn)
    # Batch has no resource-level permissions for these two.
    _allow(machine, ["batch:DescribeJobs", "batch:TerminateJob"], "*")
    _allow_rule(machine, _BATCH_RULE)


def _allow_rule(machine: StateMachine, name: str) -> None:
    rule = Stack.of(machine).format_arn(service="events", resource="rule", resource_name=name)
    _allow(machine, ["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule)


def _allow(machine: StateMachine, actions: list[str], *resources: str) -> None:
    machine.add_to_role_policy(aws_iam.PolicyStatement(actions=actions, resources=list(resources)))
