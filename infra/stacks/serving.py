from aws_cdk import Duration, aws_lambda, aws_lambda_event_sources, aws_sqs
from constructs import Construct

from infra.config import Stage
from infra.constructs.listener import Listener
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.shared_layers import Layer
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from shelflife.contracts.registry import ModelVersionPromoted, ModelVersionRegistered
from shelflife.contracts.serving import DeploymentCreated
from shelflife.kernel.names import Context, Prefix
from shelflife.serving.settings import TABLE, PredictSettings, ServingSettings, StoreCapturesSettings

_INFERENCE = (Layer.CORE, Layer.RUNTIME, Layer.INFERENCE)
_ANALYTICS = (Layer.CORE, Layer.RUNTIME, Layer.ANALYTICS)
_STORE_SECONDS = 60


class ServingStack(ContextStack):
    """Deployments, predictions and captures."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation) -> None:
        super().__init__(scope, id, stage=stage, context=Context.SERVING, table=TABLE, foundation=foundation)
        settings = ServingSettings(serving_table_name=self.table.table_name)
        api = PythonFunction(self, "Api", stage=stage, source="serving/api", settings=settings).function
        self.table.grant_read_write_data(api)
        captures = self._capture_queue()
        predict = self._predict(captures)
        self.routes = [
            Route("/v1/serving/{proxy+}", api),
            # With any method: that one does not fit is told by the function, in the protocol's form.
            Route("/v2", predict, public=True),
            Route("/v2/health/{proxy+}", predict, public=True),
            Route("/v2/{proxy+}", predict),
            Route("/models/{proxy+}", predict),
            Route("/predict", predict),
        ]
        self._activate_deployment(settings)
        self._store_captures(captures)

    def _predict(self, captures: aws_sqs.Queue) -> aws_lambda.Function:
        predict = PythonFunction(
            self,
            "Predict",
            stage=self.stage,
            source="serving/predict",
            settings=PredictSettings(
                serving_table_name=self.table.table_name, capture_queue_url=captures.queue_url
            ),
            layers=_INFERENCE,
            memory_mb=self.stage.predict_memory_mb,
        ).function
        self.table.grant_read_data(predict)
        self.foundation.artifacts.grant_read(predict, f"{Prefix.TRAINING}*")
        captures.grant_send_messages(predict)
        return predict

    def _activate_deployment(self, settings: ServingSettings) -> None:
        activate = PythonFunction(
            self,
            "ActivateDeployment",
            stage=self.stage,
            source="serving/activate_deployment",
            settings=settings,
            layers=_INFERENCE,
            timeout_seconds=120,
            memory_mb=1769,
        ).function
        self.table.grant_read_write_data(activate)
        self.foundation.artifacts.grant_read(activate, f"{Prefix.TRAINING}*")
        Listener(
            self,
            "OnNews",
            bus=self.foundation.bus,
            detail_types=[
                ModelVersionRegistered.detail_type,
                ModelVersionPromoted.detail_type,
                DeploymentCreated.detail_type,
            ],
            function=activate,
            dead_letters=self.dead_letters,
        )

    def _capture_queue(self) -> aws_sqs.Queue:
        return aws_sqs.Queue(
            self,
            "Captures",
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # Longer than any try of the consumer: a message comes back only when its consumer is gone.
            visibility_timeout=Duration.seconds(6 * _STORE_SECONDS),
            retention_period=Duration.days(4),
            dead_letter_queue=aws_sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=5),
        )

    def _store_captures(self, captures: aws_sqs.Queue) -> None:
        store = PythonFunction(
            self,
            "StoreCaptures",
            stage=self.stage,
            source="serving/store_captures",
            settings=StoreCapturesSettings(
                serving_table_name=self.table.table_name,
                capture_bucket_name=self.foundation.captures.bucket_name,
            ),
            layers=_ANALYTICS,
            timeout_seconds=_STORE_SECONDS,
            memory_mb=1024,
        ).function
        self.table.grant_read_write_data(store)
        self.foundation.artifacts.grant_read(store, f"{Prefix.TRAINING}*")
        self.foundation.captures.grant_read_write(store)
        store.add_event_source(
            aws_lambda_event_sources.SqsEventSource(
                captures,
                batch_size=500,
                max_batching_window=Duration.seconds(self.stage.capture_window_seconds),
                report_batch_item_failures=True,
                max_concurrency=10,
            )
        )
