"""A function's published versions, and the alias that its callers call."""

from aws_cdk import RemovalPolicy, TimeZone, aws_applicationautoscaling, aws_lambda
from constructs import Construct

from infra.scaling import ProvisionedConcurrency, Scaling

#: Known to callers by this name; what it points at changes with every version.
LIVE = "live"


class LiveAlias(Construct):
    """A new version whenever code, layers or configuration change, and the alias that follows it.

    The version before is removed once the alias has moved: what it was is in the repository, and a snapshot
    of it would be paid for. A failed update of the stack moves the alias back before anything is removed.
    """

    def __init__(self, scope: Construct, id: str, *, function: aws_lambda.Function, scaling: Scaling) -> None:
        super().__init__(scope, id)
        function.current_version.apply_removal_policy(RemovalPolicy.DESTROY)
        provisioned = scaling.provisioned
        self.alias = aws_lambda.Alias(
            self,
            "Alias",
            alias_name=LIVE,
            version=function.current_version,
            provisioned_concurrent_executions=(provisioned.minimum or None) if provisioned else None,
        )
        if provisioned:
            self._scale(provisioned)

    def _scale(self, provisioned: ProvisionedConcurrency) -> None:
        target = self.alias.add_auto_scaling(
            min_capacity=provisioned.minimum, max_capacity=provisioned.maximum
        )
        bounds = {
            f"{window.name}{edge}": (when, minimum, maximum)
            for window in provisioned.windows
            for edge, when, minimum, maximum in (
                ("Opens", window.opens, window.minimum, window.maximum),
                ("Closes", window.closes, provisioned.minimum, provisioned.maximum),
            )
        }
        for name, (when, minimum, maximum) in bounds.items():
            target.scale_on_schedule(
                name,
                schedule=aws_applicationautoscaling.Schedule.expression(when),
                min_capacity=minimum,
                max_capacity=maximum,
                time_zone=TimeZone.of(provisioned.time_zone),
            )
        if provisioned.target_utilization is not None:
            target.scale_on_utilization(utilization_target=provisioned.target_utilization)
