"""Labels that monitoring took in, on their way to the figures of those who answered."""

from aws_cdk import aws_dynamodb, aws_events, aws_events_targets, aws_s3, aws_sns, aws_sqs
from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from infra.constructs.shared_layers import Layer
from infra.constructs.work_queue import WorkQueue
from shelflife.contracts.monitoring import LabelsReceived
from shelflife.kernel.names import BUS_SOURCE
from shelflife.serving.settings import CountLabelsSettings

_SECONDS = 60


class LabelCounts(Construct):
    """News of labels waits until captures of the same moment should be stored, and is counted then.

    Labels whose captures are not stored even so go back into the queue.

    `dead_letters` takes what the bus could not put into the queue; what the function could not count has dead
    letters of its own.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        bus: aws_events.IEventBus,
        captures: aws_s3.IBucket,
        alarms: aws_sns.ITopic,
        table: aws_dynamodb.ITable,
        dead_letters: aws_sqs.IQueue,
    ) -> None:
        super().__init__(scope, id)
        self.waiting = WorkQueue(
            self,
            "Waiting",
            work_seconds=_SECONDS,
            alarms=alarms,
            delay_seconds=2 * stage.capture_window_seconds,
        )
        count = PythonFunction(
            self,
            "Count",
            stage=stage,
            source="serving/count_labels",
            settings=CountLabelsSettings(
                serving_table_name=table.table_name,
                capture_bucket_name=captures.bucket_name,
                label_queue_url=self.waiting.queue.queue_url,
            ),
            layers=(Layer.CORE, Layer.RUNTIME, Layer.ANALYTICS),
            timeout_seconds=_SECONDS,
            memory_mb=1024,
        ).function
        table.grant_read_write_data(count)
        for folder in ("labels/*", "captures/*"):
            captures.grant_read(count, folder)
        # What came before its captures waits once more.
        self.waiting.queue.grant_send_messages(count)
        self.waiting.feed(count, batch_size=10, window_seconds=0)
        aws_events.Rule(
            self,
            "OnLabelsReceived",
            event_bus=bus,
            event_pattern=aws_events.EventPattern(
                source=[BUS_SOURCE], detail_type=[LabelsReceived.detail_type]
            ),
            targets=[
                aws_events_targets.SqsQueue(
                    self.waiting.queue,
                    message=aws_events.RuleTargetInput.from_event_path("$.detail"),
                    dead_letter_queue=dead_letters,
                )
            ],
        )
