from functools import cache

from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.data.dynamo import DynamoVersions
from shelflife.data.dynamo_ingestions import DynamoIngestions
from shelflife.data.executions import SfnExecutions
from shelflife.data.failures import IngestionFailures
from shelflife.data.files import S3VersionFiles
from shelflife.data.ingest import Ingest
from shelflife.data.service import Datasets
from shelflife.data.settings import DataApiSettings, ProfileDatasetSettings, RecordFailureSettings
from shelflife.data.uploads import S3Uploads
from shelflife.kernel.ids import new_id, utc_now


@cache
def datasets() -> Datasets:
    settings = DataApiSettings.from_env()
    items = Items(client("dynamodb"), settings.data_table_name)
    return Datasets(
        ingestions=DynamoIngestions(items),
        versions=DynamoVersions(items),
        uploads=S3Uploads(client("s3"), settings.artifact_bucket_name),
        files=S3VersionFiles(client("s3"), settings.artifact_bucket_name),
        executions=SfnExecutions(client("stepfunctions"), settings.ingest_dataset_arn),
        now=utc_now,
        new_id=new_id,
    )


@cache
def ingest() -> Ingest:
    # duckdb is in the layers of one function alone, and takes long to import.
    from shelflife.data.duck import DuckReader  # noqa: PLC0415

    settings = ProfileDatasetSettings.from_env()
    items = Items(client("dynamodb"), settings.data_table_name)
    return Ingest(
        ingestions=DynamoIngestions(items),
        versions=DynamoVersions(items),
        uploads=S3Uploads(client("s3"), settings.artifact_bucket_name),
        files=S3VersionFiles(client("s3"), settings.artifact_bucket_name),
        reader=DuckReader(),
        now=utc_now,
    )


@cache
def failures() -> IngestionFailures:
    settings = RecordFailureSettings.from_env()
    items = Items(client("dynamodb"), settings.data_table_name)
    return IngestionFailures(ingestions=DynamoIngestions(items), now=utc_now)
