"""How all functions look."""

from collections.abc import Sequence

from aws_cdk import Duration, Size, aws_iam, aws_lambda, aws_logs
from constructs import Construct

from infra.config import Stage
from infra.constructs.live_alias import LiveAlias
from infra.constructs.shared_layers import Layer, SharedLayers
from infra.names import FUNCTIONS, NOT_SHIPPED, RUNTIME
from infra.scaling import DEFAULT_STORAGE_MB, Scaling, check_snap_start_runtime
from shelflife.kernel.settings import Settings


class PythonFunction(Construct):
    """`functions/<source>/handler.py` as a function with its own role, log group and settings.

    The role may write to the log group and nothing else: everything more is a grant in the stack. The
    settings become the environment, so a missing name fails at synth and not at the first call.

    `scaling` are levers of a stage: they decide the memory then, and the function is traced. `target` is what
    its callers call: the alias `live` if they have it published, else the function.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        source: str,
        settings: Settings | None = None,
        layers: Sequence[Layer] = (Layer.CORE, Layer.RUNTIME),
        timeout_seconds: int = 29,
        memory_mb: int = 512,
        ephemeral_storage_gib: float = 0.5,
        scaling: Scaling | None = None,
    ) -> None:
        super().__init__(scope, id)
        levers = scaling or Scaling(
            memory_mb=memory_mb, ephemeral_storage_mb=int(1024 * ephemeral_storage_gib), published=False
        )
        storage = levers.ephemeral_storage_mb
        if levers.snap_start:
            check_snap_start_runtime(RUNTIME.name)
        self.log_group = aws_logs.LogGroup(
            self, "Logs", retention=stage.log_retention, removal_policy=stage.removal_policy
        )
        role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(role)
        self.function = aws_lambda.Function(
            self,
            "Function",
            code=aws_lambda.Code.from_asset(str(FUNCTIONS / source), exclude=NOT_SHIPPED),
            handler="handler.handler",
            runtime=RUNTIME,
            architecture=stage.architecture,
            role=role,
            log_group=self.log_group,
            layers=SharedLayers.of(self, stage).versions(layers),
            environment={
                "POWERTOOLS_SERVICE_NAME": source.partition("/")[0],
                "POWERTOOLS_LOG_LEVEL": levers.log_level,
                # Half of numpy's import is the threads of its linear algebra, which no function uses.
                "OPENBLAS_NUM_THREADS": "1",
                **(settings.to_env() if settings else {}),
            },
            timeout=Duration.seconds(timeout_seconds),
            memory_size=levers.memory_mb,
            ephemeral_storage_size=None if storage == DEFAULT_STORAGE_MB else Size.mebibytes(storage),
            reserved_concurrent_executions=levers.reserved_concurrency,
            snap_start=aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS if levers.snap_start else None,
            tracing=aws_lambda.Tracing.ACTIVE if scaling else None,
            description=f"shelflife {stage.name}: {source}",
        )
        self.target: aws_lambda.IFunction = self.function
        if levers.published:
            self.target = LiveAlias(self, "Live", function=self.function, scaling=levers).alias
