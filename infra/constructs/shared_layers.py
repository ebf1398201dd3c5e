"""A stack's own layer versions, made from the shared build.

Never share a LayerVersion between stacks: its ARN changes with its content, and CloudFormation refuses to
change an export in use (aws/aws-cdk#1972).
"""

from collections.abc import Iterable
from enum import StrEnum

from aws_cdk import Stack, aws_lambda
from constructs import Construct

from infra.config import BUILD, Stage
from infra.names import RUNTIME


class Layer(StrEnum):
    CORE = "core"
    RUNTIME = "runtime"
    INFERENCE = "inference"
    ANALYTICS = "analytics"
    GRAPHQL = "graphql"
    PAGES = "pages"


class LayerNotBuiltError(RuntimeError):
    def __init__(self, layer: Layer, platform: str) -> None:
        super().__init__(
            f"layer {layer!r} is not built for {platform!r}: run `python -m infra.build.layers {platform}`"
        )


class SharedLayers(Construct):
    """The layers of one stack; each is made when the first function asks for it."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self._made: dict[Layer, aws_lambda.LayerVersion] = {}

    @staticmethod
    def of(scope: Construct, stage: Stage) -> "SharedLayers":
        """The one of the scope's stack."""
        stack = Stack.of(scope)
        found = stack.node.try_find_child("Layers")
        return found if isinstance(found, SharedLayers) else SharedLayers(stack, "Layers", stage=stage)

    def versions(self, layers: Iterable[Layer]) -> list[aws_lambda.ILayerVersion]:
        return [self._version(layer) for layer in layers]

    def _version(self, layer: Layer) -> aws_lambda.LayerVersion:
        if layer not in self._made:
            folder = BUILD / "layers" / self._stage.layer_platform / layer
            if not folder.is_dir():
                raise LayerNotBuiltError(layer, self._stage.layer_platform)
            self._made[layer] = aws_lambda.LayerVersion(
                self,
                layer.capitalize(),
                code=aws_lambda.Code.from_asset(str(folder)),
                compatible_runtimes=[RUNTIME],
                compatible_architectures=[self._stage.architecture],
                removal_policy=self._stage.removal_policy,
            )
        return self._made[layer]
