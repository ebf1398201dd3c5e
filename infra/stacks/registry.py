from aws_cdk import aws_events, aws_events_targets, aws_lambda
from constructs import Construct

from infra.config import Stage
from infra.constructs.listener import Listener
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.workflow import Workflow
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from infra.stacks.tracking import TrackingStack
from shelflife.contracts.registry import ModelVersionSubmitted, RegisteredModelDeleted
from shelflife.contracts.serving import DeploymentCreated, DeploymentRemoved, DeploymentShifted
from shelflife.kernel.names import BUS_SOURCE, Context, Prefix
from shelflife.registry.settings import TABLE, InspectSettings, RegistrySettings

#: What serving says of what it needs.
_USES = (DeploymentCreated, DeploymentShifted, DeploymentRemoved)


class RegistryStack(ContextStack):
    """Registered models, their versions and aliases."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        foundation: Foundation,
        tracking: TrackingStack,
    ) -> None:
        super().__init__(scope, id, stage=stage, context=Context.REGISTRY, table=TABLE, foundation=foundation)
        self._settings = RegistrySettings(registry_table_name=self.table.table_name)
        api = self._function("Api", "api")
        self.table.grant_read_write_data(api)
        self.routes = [
            Route("/v1/registry/{proxy+}", api),
            Route("/api/2.0/mlflow/registered-models/{proxy+}", api),
            Route("/api/2.0/mlflow/model-versions/{proxy+}", api),
            Route("/model-versions/get-artifact", api, methods=("GET",), pages=True),
        ]
        history = self._function("History", "history")
        self.table.grant_read_data(history)
        self.routes.append(Route("/v1/models/{proxy+}", history))
        adopt = self._function("Adopt", "adopt")
        self.table.grant_read_write_data(adopt)
        self.routes.append(Route("/v1/registry/adopted/{proxy+}", adopt))
        self._listen(foundation)
        self.find_alias = self._function("FindAlias", "find_alias")
        self.table.grant_read_data(self.find_alias)
        self.find_registered = self._function("FindRegistered", "find_registered")
        self.table.grant_read_data(self.find_registered)
        register_version = self._function("RegisterVersion", "register_version")
        self.table.grant_read_write_data(register_version)
        move_alias = self._function("MoveAlias", "move_alias")
        self.table.grant_read_write_data(move_alias)
        self.register_model = self._workflow(
            "RegisterModel",
            "register_model",
            register_version=register_version,
            inspect_version=self._inspect_version(foundation),
            link_version=tracking.link_version,
        )
        self._register_what_clients_submit(foundation)
        self.promote_model = self._workflow("PromoteModel", "promote_model", move_alias=move_alias)

    def _inspect_version(self, foundation: Foundation) -> aws_lambda.Function:
        """It holds a model with its weights in memory, twice."""
        inspect_version = PythonFunction(
            self,
            "InspectVersion",
            stage=self.stage,
            source="registry/inspect_version",
            settings=InspectSettings(
                registry_table_name=self.table.table_name,
                artifact_bucket_name=foundation.artifacts.bucket_name,
            ),
            timeout_seconds=300,
            memory_mb=2048,
        ).function
        self.table.grant_read_write_data(inspect_version)
        foundation.artifacts.grant_read(inspect_version, f"{Prefix.TRACKING}*")
        foundation.artifacts.grant_put(inspect_version, f"{Prefix.MODELS}*")
        return inspect_version

    def _register_what_clients_submit(self, foundation: Foundation) -> None:
        """The news that a client registered a version starts the workflow that training starts, too."""
        aws_events.Rule(
            self,
            "OnModelVersionSubmitted",
            event_bus=foundation.bus,
            event_pattern=aws_events.EventPattern(
                source=[BUS_SOURCE], detail_type=[ModelVersionSubmitted.detail_type]
            ),
            targets=[
                aws_events_targets.SfnStateMachine(
                    self.register_model.state_machine,
                    input=aws_events.RuleTargetInput.from_object(
                        {
                            name: aws_events.EventField.from_path(f"$.detail.{name}")
                            for name in ("model_id", "model_name", "version", "logged_model_id")
                        }
                    ),
                    dead_letter_queue=self.dead_letters,
                    retry_attempts=30,
                )
            ],
        )

    def _listen(self, foundation: Foundation) -> None:
        note_use = self._function("NoteUse", "note_use")
        self.table.grant_read_write_data(note_use)
        sweep_model = self._function("SweepModel", "sweep_model", timeout_seconds=600)
        self.table.grant_read_write_data(sweep_model)
        for id, function, news in (
            ("OnDeployment", note_use, [kind.detail_type for kind in _USES]),
            ("OnRegisteredModelDeleted", sweep_model, [RegisteredModelDeleted.detail_type]),
        ):
            Listener(
                self,
                id,
                bus=foundation.bus,
                detail_types=news,
                function=function,
                dead_letters=self.dead_letters,
            )

    def _function(self, id: str, use_case: str, timeout_seconds: int = 29) -> aws_lambda.Function:
        return PythonFunction(
            self,
            id,
            stage=self.stage,
            source=f"registry/{use_case}",
            settings=self._settings,
            timeout_seconds=timeout_seconds,
        ).function

    def _workflow(self, id: str, name: str, **functions: aws_lambda.IFunction) -> Workflow:
        return Workflow(self, id, stage=self.stage, source=f"registry/{name}", functions=functions)
