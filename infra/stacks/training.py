from aws_cdk import aws_events, aws_events_targets, aws_lambda
from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.sync_grants import allow_batch_jobs, allow_nested, allow_training_jobs
from infra.constructs.training_compute import TrainingCompute
from infra.constructs.workflow import Workflow
from infra.stacks.access import AccessStack
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from infra.stacks.registry import RegistryStack
from infra.stacks.validation import ValidationStack
from shelflife.contracts.monitoring import DriftDetected
from shelflife.kernel.names import BUS_SOURCE, Context, Prefix
from shelflife.kernel.settings import Settings
from shelflife.training.settings import TABLE, PlanTrainingSettings, RecordingSettings, TrainingApiSettings


class TrainingStack(ContextStack):
    """Training jobs, from a plan to a promoted model version; drift starts one by itself."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        foundation: Foundation,
        access: AccessStack,
        validation: ValidationStack,
        registry: RegistryStack,
    ) -> None:
        super().__init__(scope, id, stage=stage, context=Context.TRAINING, table=TABLE, foundation=foundation)
        self._compute = TrainingCompute(self, "Compute", stage=stage, artifacts=foundation.artifacts)
        train = self._train_model(access, validation, registry)
        api = self._function(
            "Api",
            "api",
            TrainingApiSettings(
                training_table_name=self.table.table_name,
                artifact_bucket_name=foundation.artifacts.bucket_name,
                train_model_arn=train.state_machine.state_machine_arn,
                batch_log_group_name=self._compute.batch_logs.log_group_name,
            ),
        )
        foundation.artifacts.grant_read(api, f"{Prefix.DATASETS}*")
        train.state_machine.grant_start_execution(api)
        train.state_machine.grant_execution(api, "states:StopExecution")
        self.routes = [Route("/v1/training/{proxy+}", api)]
        self._retrain_on_drift(train)

    def _train_model(
        self, access: AccessStack, validation: ValidationStack, registry: RegistryStack
    ) -> Workflow:
        nested = {
            "validate_candidate": validation.validate_candidate.state_machine,
            "register_model": registry.register_model.state_machine,
            "promote_model": registry.promote_model.state_machine,
        }
        recorded = RecordingSettings(
            training_table_name=self.table.table_name,
            artifact_bucket_name=self.foundation.artifacts.bucket_name,
        )
        record_result = self._function("RecordResult", "record_result", recorded)
        self.foundation.artifacts.grant_read(record_result, f"{Prefix.TRAINING}*")
        train = Workflow(
            self,
            "TrainModel",
            stage=self.stage,
            source="training/train_model",
            functions={
                "plan_training": self._plan_training(),
                "issue_job_token": access.issue_job_token,
                "revoke_job_token": access.revoke_job_token,
                "record_result": record_result,
                "record_outcome": self._function("RecordOutcome", "record_outcome", recorded),
                "record_failure": self._function("RecordFailure", "record_failure", recorded),
            },
            values={name: machine.state_machine_arn for name, machine in nested.items()},
        )
        for machine in nested.values():
            allow_nested(train.state_machine, machine)
        allow_training_jobs(train.state_machine, name_prefix=self.stage.stack_prefix, role=self._compute.role)
        allow_batch_jobs(
            train.state_machine,
            queue_arn=self._compute.queue.job_queue_arn,
            definition_arn=self._compute.definition.job_definition_arn,
        )
        return train

    def _plan_training(self) -> aws_lambda.Function:
        compute = self._compute
        plan = self._function(
            "PlanTraining",
            "plan_training",
            PlanTrainingSettings(
                training_table_name=self.table.table_name,
                artifact_bucket_name=self.foundation.artifacts.bucket_name,
                stage_name=self.stage.name,
                training_image_uri=compute.image.image_uri,
                training_role_arn=compute.role.role_arn,
                job_queue_arn=compute.queue.job_queue_arn,
                job_definition_arn=compute.definition.job_definition_arn,
                default_instance_type=self.stage.training_instance_type,
            ),
        )
        self.foundation.artifacts.grant_read(plan, f"{Prefix.DATASETS}*")
        self.foundation.artifacts.grant_put(plan, f"{Prefix.TRAINING}*")
        return plan

    def _retrain_on_drift(self, train: Workflow) -> None:
        aws_events.Rule(
            self,
            "OnDriftDetected",
            event_bus=self.foundation.bus,
            event_pattern=aws_events.EventPattern(
                source=[BUS_SOURCE], detail_type=[DriftDetected.detail_type]
            ),
            targets=[
                aws_events_targets.SfnStateMachine(
                    train.state_machine,
                    input=aws_events.RuleTargetInput.from_object(
                        {
                            "trigger": "drift",
                            "event_id": aws_events.EventField.from_path("$.detail.event_id"),
                            "model_name": aws_events.EventField.from_path("$.detail.model_name"),
                            "reason": aws_events.EventField.from_path("$.detail.reason"),
                        }
                    ),
                    dead_letter_queue=self.dead_letters,
                    retry_attempts=30,
                )
            ],
        )

    def _function(self, id: str, use_case: str, settings: Settings) -> aws_lambda.Function:
        source = f"training/{use_case}"
        function = PythonFunction(self, id, stage=self.stage, source=source, settings=settings).function
        self.table.grant_read_write_data(function)
        return function
