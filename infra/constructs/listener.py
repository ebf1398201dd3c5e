"""A function that listens to one kind of news."""

from collections.abc import Sequence

from aws_cdk import (
    Duration,
    aws_events,
    aws_events_targets,
    aws_lambda,
    aws_lambda_destinations,
    aws_sqs,
)
from constructs import Construct

from shelflife.kernel.names import BUS_SOURCE


class Listener(Construct):
    """The bus calls `function` for each of `detail_types`; what cannot be handled becomes a dead letter.

    The bus tries for six hours to hand an event over, and the function may fail it twice before it counts.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bus: aws_events.IEventBus,
        detail_types: Sequence[str],
        function: aws_lambda.IFunction,
        dead_letters: aws_sqs.IQueue,
    ) -> None:
        super().__init__(scope, id)
        keep_failures(function, dead_letters)
        self.rule = aws_events.Rule(
            self,
            "Rule",
            event_bus=bus,
            event_pattern=aws_events.EventPattern(source=[BUS_SOURCE], detail_type=list(detail_types)),
            targets=[
                aws_events_targets.LambdaFunction(
                    function,
                    dead_letter_queue=dead_letters,
                    max_event_age=Duration.hours(6),
                    retry_attempts=30,
                )
            ],
        )


def keep_failures(function: aws_lambda.IFunction, dead_letters: aws_sqs.IQueue) -> None:
    """Keep events that the function failed three times; to be said once of a function.

    A rule's own dead letters are only events that Lambda did not take: what came of an event it is not told.
    """
    function.configure_async_invoke(
        on_failure=aws_lambda_destinations.SqsDestination(dead_letters),
        max_event_age=Duration.hours(6),
        retry_attempts=2,
    )
