from aws_cdk import aws_lambda
from constructs import Construct

from infra.config import Stage
from infra.constructs.listener import Listener
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.workflow import Workflow
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from shelflife.contracts.registry import RegisteredModelDeleted
from shelflife.contracts.serving import DeploymentCreated, DeploymentRemoved, DeploymentShifted
from shelflife.kernel.names import Context
from shelflife.registry.settings import TABLE, RegistrySettings

#: What serving says of what it needs.
_USES = (DeploymentCreated, DeploymentShifted, DeploymentRemoved)


class RegistryStack(ContextStack):
    """Registered models, their versions and aliases."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation) -> None:
        super().__init__(scope, id, stage=stage, context=Context.REGISTRY, table=TABLE, foundation=foundation)
        self._settings = RegistrySettings(registry_table_name=self.table.table_name)
        api = self._function("Api", "api")
        self.table.grant_read_write_data(api)
        self.routes = [
            Route("/v1/registry/{proxy+}", api),
            Route("/api/2.0/mlflow/registered-models/{proxy+}", api),
            Route("/api/2.0/mlflow/model-versions/{proxy+}", api),
        ]
        history = self._function("History", "history")
        self.table.grant_read_data(history)
        self.routes.append(Route("/v1/models/{proxy+}", history))
        self._listen(foundation)
        self.find_alias = self._function("FindAlias", "find_alias")
        self.table.grant_read_data(self.find_alias)
        register_version = self._function("RegisterVersion", "register_version")
        self.table.grant_read_write_data(register_version)
        move_alias = self._function("MoveAlias", "move_alias")
        self.table.grant_read_write_data(move_alias)
        self.register_model = self._workflow(
            "RegisterModel", "register_model", register_version=register_version
        )
        self.promote_model = self._workflow("PromoteModel", "promote_model", move_alias=move_alias)

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
