from aws_cdk import (
    aws_events,
    aws_events_targets,
    aws_iam,
    aws_lambda,
)
from aws_cdk.aws_stepfunctions import IStateMachine
from constructs import Construct

from infra.config import Stage
from infra.constructs.label_counts import LabelCounts
from infra.constructs.listener import Listener, keep_failures
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.serving_alarms import ServingAlarms
from infra.constructs.serving_dashboard import ServingDashboard
from infra.constructs.shared_layers import Layer
from infra.constructs.work_queue import WorkQueue
from infra.constructs.workflow import Workflow
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from shelflife.contracts.registry import ModelVersionPromoted, ModelVersionRegistered
from shelflife.contracts.serving import DeploymentCreated, ExperimentEnded, RolloutEnded, RolloutStarted
from shelflife.kernel.names import BUS_SOURCE, Context, Prefix
from shelflife.serving.rollout import RolloutState
from shelflife.serving.settings import (
    CACHE_PREFIX,
    TABLE,
    PredictSettings,
    PredictShadowsSettings,
    ServingSettings,
    StoreCapturesSettings,
)
from shelflife.serving.tasks import ExecutionEnd

_INFERENCE = (Layer.CORE, Layer.RUNTIME, Layer.INFERENCE)
_ANALYTICS = (Layer.CORE, Layer.RUNTIME, Layer.ANALYTICS)
_STORE_SECONDS = 60
_SHADOW_SECONDS = 60


class ServingStack(ContextStack):
    """Deployments, predictions and captures."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation) -> None:
        super().__init__(scope, id, stage=stage, context=Context.SERVING, table=TABLE, foundation=foundation)
        settings = ServingSettings(serving_table_name=self.table.table_name)
        api = PythonFunction(self, "Api", stage=stage, source="serving/api", settings=settings).function
        self.table.grant_read_write_data(api)
        self.captures = WorkQueue(self, "Captures", work_seconds=_STORE_SECONDS, alarms=foundation.alarms)
        self.labels = LabelCounts(
            self,
            "Labels",
            stage=stage,
            bus=foundation.bus,
            captures=foundation.captures,
            alarms=foundation.alarms,
            table=self.table,
            dead_letters=self.dead_letters,
        )
        self.shadows = WorkQueue(self, "Shadows", work_seconds=_SHADOW_SECONDS, alarms=foundation.alarms)
        self.predict = self._predict()
        self.routes = [
            Route("/v1/serving/{proxy+}", api),
            # With any method: that one does not fit is told by the function, in the protocol's form.
            Route("/v2", self.predict.target, public=True),
            Route("/v2/health/{proxy+}", self.predict.target, public=True),
            Route("/v2/{proxy+}", self.predict.target),
            Route("/models/{proxy+}", self.predict.target),
            Route("/predict", self.predict.target),
        ]
        self._activate_deployment(settings)
        self._roll_out(settings, api)
        self._predict_shadows()
        self._store_captures()
        self._watch()

    def _predict(self) -> PythonFunction:
        predict = PythonFunction(
            self,
            "Predict",
            stage=self.stage,
            source="serving/predict",
            settings=PredictSettings(
                serving_table_name=self.table.table_name,
                capture_queue_url=self.captures.queue.queue_url,
                shadow_queue_url=self.shadows.queue.queue_url,
                preload_deployments=",".join(self.stage.preload_deployments),
            ),
            layers=_INFERENCE,
            scaling=self.stage.predict,
        )
        self.table.grant_read_data(predict.function)
        # It keeps answers there, and writes nothing else.
        predict.function.add_to_role_policy(
            aws_iam.PolicyStatement(
                actions=["dynamodb:PutItem"],
                resources=[self.table.table_arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{CACHE_PREFIX}*"]}},
            )
        )
        self._grant_models(predict.function)
        self.captures.queue.grant_send_messages(predict.function)
        self.shadows.queue.grant_send_messages(predict.function)
        # Also when routes call the alias: an edge that was deployed before still imports it, and
        # CloudFormation refuses to take away an export in use.
        self.export_value(predict.function.function_arn)
        return predict

    def _grant_models(self, function: aws_lambda.IFunction) -> None:
        """Models that were trained here, and those that clients registered."""
        for prefix in (Prefix.TRAINING, Prefix.MODELS):
            self.foundation.artifacts.grant_read(function, f"{prefix}*")

    def _watch(self) -> None:
        ServingDashboard(
            self,
            "Dashboard",
            stage=self.stage,
            predict=self.predict,
            table=self.table,
            rollouts={"deploy_model": self.deploy},
            queues={
                "captures": self.captures.queue,
                "captures that failed": self.captures.dead_letters,
                "shadow requests": self.shadows.queue,
                "shadow requests that failed": self.shadows.dead_letters,
                "labels": self.labels.waiting.queue,
                "labels that failed": self.labels.waiting.dead_letters,
                "dead letters": self.dead_letters,
            },
        )
        ServingAlarms(
            self,
            "ServingAlarms",
            thresholds=self.stage.alarms,
            topic=self.foundation.alarms,
            predict=self.predict.function,
            captures=self.captures.queue,
            rollouts={"deploy_model": self.deploy},
        )
        # The news says why, which a metric cannot.
        aws_events.Rule(
            self,
            "OnRolloutUnsuccessful",
            event_bus=self.foundation.bus,
            event_pattern=aws_events.EventPattern(
                source=[BUS_SOURCE],
                detail_type=[RolloutEnded.detail_type],
                detail={"outcome": [RolloutState.ROLLED_BACK, RolloutState.FAILED]},
            ),
            targets=[
                aws_events_targets.SnsTopic(self.foundation.alarms, dead_letter_queue=self.dead_letters)
            ],
        )

    def _predict_shadows(self) -> None:
        predict = PythonFunction(
            self,
            "PredictShadows",
            stage=self.stage,
            source="serving/predict_shadows",
            settings=PredictShadowsSettings(
                serving_table_name=self.table.table_name, capture_queue_url=self.captures.queue.queue_url
            ),
            layers=_INFERENCE,
            timeout_seconds=_SHADOW_SECONDS,
            memory_mb=self.stage.predict.memory_mb,
        ).function
        self.table.grant_read_data(predict)
        self._grant_models(predict)
        self.captures.queue.grant_send_messages(predict)
        self.shadows.feed(predict, batch_size=100, window_seconds=min(5, self.stage.capture_window_seconds))

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
        self._grant_models(activate)
        Listener(
            self,
            "OnNews",
            bus=self.foundation.bus,
            detail_types=[
                ModelVersionRegistered.detail_type,
                ModelVersionPromoted.detail_type,
                DeploymentCreated.detail_type,
                RolloutEnded.detail_type,
                ExperimentEnded.detail_type,
            ],
            function=activate,
            dead_letters=self.dead_letters,
        )

    def _roll_out(self, settings: ServingSettings, api: aws_lambda.Function) -> None:
        """The workflow that carries rollouts: the news that one was started starts it."""
        functions: dict[str, aws_lambda.IFunction] = {}
        for name in ("apply_step", "judge_step", "hold_rollout", "end_rollout"):
            id = "".join(part.capitalize() for part in name.split("_"))
            function = PythonFunction(
                self, id, stage=self.stage, source=f"serving/{name}", settings=settings
            ).function
            self.table.grant_read_write_data(function)
            functions[name] = function
        self.deploy = deploy = Workflow(
            self,
            "DeployModel",
            stage=self.stage,
            source="serving/deploy_model",
            functions=functions,
            timeout_hours=24 * 60,
        ).state_machine
        # No part of the functions' own policies: the machine's role names one of these functions, and a
        # function waits for its policy, which would name the machine.
        aws_iam.Policy(
            self,
            "AnswerPausedRollouts",
            statements=[
                aws_iam.PolicyStatement(
                    actions=["states:SendTaskSuccess"], resources=[deploy.state_machine_arn]
                )
            ],
            roles=[role for asked in (api, functions["hold_rollout"]) if (role := asked.role)],
        )
        self._end_stopped(settings, deploy)
        aws_events.Rule(
            self,
            "OnRolloutStarted",
            event_bus=self.foundation.bus,
            event_pattern=aws_events.EventPattern(
                source=[BUS_SOURCE], detail_type=[RolloutStarted.detail_type]
            ),
            targets=[
                aws_events_targets.SfnStateMachine(
                    deploy,
                    input=aws_events.RuleTargetInput.from_object(
                        {
                            "deployment": aws_events.EventField.from_path("$.detail.deployment"),
                            "rollout_id": aws_events.EventField.from_path("$.detail.rollout_id"),
                        }
                    ),
                    dead_letter_queue=self.dead_letters,
                    retry_attempts=30,
                )
            ],
        )

    def _end_stopped(self, settings: ServingSettings, deploy: IStateMachine) -> None:
        """An execution that is stopped from outside ends its rollout all the same."""
        end = PythonFunction(
            self,
            "EndStoppedRollout",
            stage=self.stage,
            source="serving/end_stopped_rollout",
            settings=settings,
        ).function
        self.table.grant_read_write_data(end)
        keep_failures(end, self.dead_letters)
        aws_events.Rule(
            self,
            "OnRolloutStopped",
            # On the account's own bus: what Step Functions itself says goes nowhere else.
            event_pattern=aws_events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [deploy.state_machine_arn], "status": list(ExecutionEnd)},
            ),
            targets=[
                aws_events_targets.LambdaFunction(end, dead_letter_queue=self.dead_letters, retry_attempts=30)
            ],
        )

    def _store_captures(self) -> None:
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
        self._grant_models(store)
        self.foundation.captures.grant_read_write(store)
        self.captures.feed(store, batch_size=500, window_seconds=self.stage.capture_window_seconds)
