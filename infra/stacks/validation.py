from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.constructs.shared_layers import Layer
from infra.constructs.workflow import Workflow
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from infra.stacks.registry import RegistryStack
from shelflife.kernel.names import Context, Prefix
from shelflife.validation.settings import TABLE, ValidationSettings


class ValidationStack(ContextStack):
    """Policies, evaluations and verdicts."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation, registry: RegistryStack
    ) -> None:
        super().__init__(
            scope, id, stage=stage, context=Context.VALIDATION, table=TABLE, foundation=foundation
        )
        settings = ValidationSettings(validation_table_name=self.table.table_name)
        api = PythonFunction(self, "Api", stage=stage, source="validation/api", settings=settings).function
        self.table.grant_read_write_data(api)
        self.routes = [Route("/v1/validation/{proxy+}", api)]

        evaluate = PythonFunction(
            self,
            "EvaluateCandidate",
            stage=stage,
            source="validation/evaluate_candidate",
            settings=settings,
            layers=(Layer.CORE, Layer.RUNTIME, Layer.INFERENCE),
            timeout_seconds=300,
            memory_mb=1769,
        ).function
        self.table.grant_read_write_data(evaluate)
        foundation.artifacts.grant_read(evaluate, f"{Prefix.TRAINING}*")
        # The champion may be what a client registered.
        foundation.artifacts.grant_read(evaluate, f"{Prefix.MODELS}*")
        judge = PythonFunction(
            self, "Judge", stage=stage, source="validation/judge", settings=settings
        ).function
        self.table.grant_read_write_data(judge)
        self.validate_candidate = Workflow(
            self,
            "ValidateCandidate",
            stage=stage,
            source="validation/validate_candidate",
            functions={
                "find_alias": registry.find_alias,
                "evaluate_candidate": evaluate,
                "judge": judge,
            },
        )
