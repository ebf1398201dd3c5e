"""A context's table, from its TableSpec."""

from aws_cdk import aws_dynamodb
from constructs import Construct

from infra.config import Stage
from shelflife.kernel.tables import EXPIRY, PARTITION_KEY, SORT_KEY, TableSpec


class MetadataTable(Construct):
    """On-demand, encrypted, kept when the stack goes (unless the stage says otherwise)."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, spec: TableSpec) -> None:
        super().__init__(scope, id)
        self.table = aws_dynamodb.Table(
            self,
            "Table",
            partition_key=_text(PARTITION_KEY),
            sort_key=_text(SORT_KEY),
            billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=aws_dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=stage.point_in_time_recovery
            ),
            deletion_protection=stage.deletion_protection,
            removal_policy=stage.removal_policy,
            time_to_live_attribute=EXPIRY,
            stream=aws_dynamodb.StreamViewType.NEW_IMAGE if spec.news or spec.followed else None,
        )
        for index in spec.indexes:
            self.table.add_global_secondary_index(
                index_name=index.name,
                partition_key=_text(index.partition_key),
                sort_key=_text(index.sort_key),
            )


def _text(name: str) -> aws_dynamodb.Attribute:
    return aws_dynamodb.Attribute(name=name, type=aws_dynamodb.AttributeType.STRING)
