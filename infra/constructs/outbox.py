"""From a table's stream to the bus."""

from aws_cdk import Duration, aws_dynamodb, aws_events, aws_lambda, aws_lambda_event_sources, aws_sqs
from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from shelflife.kernel.settings import OutboxSettings


class Outbox(Construct):
    """`functions/<context>/publish_news` fed by the table's news items, and only by those."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        context: str,
        table: aws_dynamodb.ITable,
        bus: aws_events.IEventBus,
        dead_letters: aws_sqs.IQueue,
    ) -> None:
        super().__init__(scope, id)
        publisher = PythonFunction(
            self,
            "Publisher",
            stage=stage,
            source=f"{context}/publish_news",
            settings=OutboxSettings(bus_name=bus.event_bus_name),
        )
        bus.grant_put_events_to(publisher.function)
        publisher.function.add_event_source(
            aws_lambda_event_sources.DynamoEventSource(
                table,
                starting_position=aws_lambda.StartingPosition.TRIM_HORIZON,
                batch_size=10,
                bisect_batch_on_error=True,
                report_batch_item_failures=True,
                retry_attempts=10,
                max_record_age=Duration.hours(12),
                on_failure=aws_lambda_event_sources.SqsDlq(dead_letters),
                filters=[
                    aws_lambda.FilterCriteria.filter(
                        {
                            "eventName": aws_lambda.FilterRule.is_equal("INSERT"),
                            "dynamodb": {"Keys": {"sk": {"S": aws_lambda.FilterRule.is_equal("NEWS")}}},
                        }
                    )
                ],
            )
        )
