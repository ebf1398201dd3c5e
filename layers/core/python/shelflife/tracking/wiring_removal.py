"""Apart from the rest: what every call of the protocol would import is not needed by any of them."""

from datetime import timedelta
from functools import cache

from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.kernel.ids import new_id, utc_now
from shelflife.tracking.dynamo_experiments import DynamoExperiments
from shelflife.tracking.dynamo_removal import DynamoRemovable, DynamoRemovalReports
from shelflife.tracking.objects import S3ArtifactFiles
from shelflife.tracking.removal import Removal
from shelflife.tracking.removal_executions import SfnRemovals
from shelflife.tracking.removals import Removals
from shelflife.tracking.settings import RemovalApiSettings, RemovalSettings


@cache
def removal() -> Removal:
    settings = RemovalSettings.from_env()
    items = Items(client("dynamodb"), settings.tracking_table_name)
    return Removal(
        things=DynamoRemovable(items),
        experiments=DynamoExperiments(items),
        folders=S3ArtifactFiles(client("s3"), settings.artifact_bucket_name),
        reports=DynamoRemovalReports(items),
        grace=timedelta(seconds=settings.removal_grace_seconds),
        after=timedelta(days=settings.removal_after_days),
    )


@cache
def removals() -> Removals:
    settings = RemovalApiSettings.from_env()
    return Removals(
        executions=SfnRemovals(client("stepfunctions"), settings.remove_deleted_arn),
        reports=DynamoRemovalReports(Items(client("dynamodb"), settings.tracking_table_name)),
        now=utc_now,
        new_id=new_id,
        after=timedelta(days=settings.removal_after_days),
    )
