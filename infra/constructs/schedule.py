"""A state machine that runs by itself, every so often."""

from collections.abc import Mapping

from aws_cdk import Duration, aws_scheduler, aws_scheduler_targets, aws_sqs
from aws_cdk.aws_stepfunctions import IStateMachine
from constructs import Construct


class WorkflowSchedule(Construct):
    """Starts the machine at a rate, asked the same each time; operators change and fire it by its name."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        machine: IStateMachine,
        every: Duration,
        dead_letters: aws_sqs.IQueue,
        asked: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.schedule = aws_scheduler.Schedule(
            self,
            "Schedule",
            schedule_name=name,
            schedule=aws_scheduler.ScheduleExpression.rate(every),
            target=aws_scheduler_targets.StepFunctionsStartExecution(
                machine,
                input=aws_scheduler.ScheduleTargetInput.from_object(dict(asked or {})),
                dead_letter_queue=dead_letters,
                max_event_age=Duration.hours(1),
                retry_attempts=3,
            ),
        )
