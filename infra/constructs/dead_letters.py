"""Where events go that could not be handled: encrypted, TLS only, kept for two weeks, alarmed."""

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_sns, aws_sqs
from constructs import Construct


class DeadLetters(Construct):
    """One queue of lost events and the alarm that says that it is not empty."""

    def __init__(self, scope: Construct, id: str, *, alarms: aws_sns.ITopic) -> None:
        super().__init__(scope, id)
        self.queue = aws_sqs.Queue(
            self,
            "Queue",
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        self.alarm = aws_cloudwatch.Alarm(
            self,
            "Alarm",
            metric=self.queue.metric_approximate_number_of_messages_visible(),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description="an event could not be handled and waits in the dead-letter queue",
        )
        self.alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(alarms))
