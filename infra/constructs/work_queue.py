"""Work that waits for one function: encrypted, TLS only, with dead letters of its own.

A dead-letter queue that belongs to one queue alone can be moved back to it as a whole.
"""

from aws_cdk import Duration, aws_lambda, aws_lambda_event_sources, aws_sns, aws_sqs
from constructs import Construct

from infra.constructs.dead_letters import DeadLetters

#: Of SQS's longest 14 days: what nobody takes for so long is not for its consumer any more.
_KEPT = Duration.days(4)
_MOST_RECEIVES = 5
_MOST_CONSUMERS = 10


class WorkQueue(Construct):
    """A queue whose consumer works for up to `work_seconds` at a time.

    A message is first seen `delay_seconds` after it was sent.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        work_seconds: int,
        alarms: aws_sns.ITopic,
        delay_seconds: int = 0,
    ) -> None:
        super().__init__(scope, id)
        self.dead_letters = DeadLetters(self, "DeadLetters", alarms=alarms).queue
        self.queue = aws_sqs.Queue(
            self,
            # CDK leaves this id out of the name: the queue is called as the construct is.
            "Default",
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # Longer than any try of the consumer: a message comes back only when its consumer is gone.
            visibility_timeout=Duration.seconds(6 * work_seconds),
            retention_period=_KEPT,
            delivery_delay=Duration.seconds(delay_seconds) if delay_seconds else None,
            dead_letter_queue=aws_sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=_MOST_RECEIVES
            ),
        )

    def feed(self, function: aws_lambda.Function, *, batch_size: int, window_seconds: int) -> None:
        """Let the function take messages that gathered for up to so many seconds."""
        function.add_event_source(
            aws_lambda_event_sources.SqsEventSource(
                self.queue,
                batch_size=batch_size,
                max_batching_window=Duration.seconds(window_seconds),
                report_batch_item_failures=True,
                max_concurrency=_MOST_CONSUMERS,
            )
        )
