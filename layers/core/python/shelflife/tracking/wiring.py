from functools import cache, partial
from uuid import uuid4

from shelflife.aws.clients import client, quick_dynamodb
from shelflife.aws.items import Items
from shelflife.kernel.ids import new_id, utc_now
from shelflife.tracking.adoption import Adoption
from shelflife.tracking.artifacts import Artifacts
from shelflife.tracking.dynamo_datasets import DynamoDatasets
from shelflife.tracking.dynamo_experiments import DynamoExperiments
from shelflife.tracking.dynamo_index import DynamoRunIndex
from shelflife.tracking.dynamo_models import DynamoLoggedModels
from shelflife.tracking.dynamo_runs import DynamoRuns, DynamoSegments
from shelflife.tracking.experiments import ExperimentBook, new_number
from shelflife.tracking.history import DynamoMetricHistory
from shelflife.tracking.logged_models import LoggedModels
from shelflife.tracking.names import new_name
from shelflife.tracking.objects import S3ArtifactFiles
from shelflife.tracking.service import Tracking
from shelflife.tracking.settings import TrackingSettings


@cache
def experiments() -> ExperimentBook:
    book = ExperimentBook(
        experiments=DynamoExperiments(_items()), now=utc_now, new_number=partial(new_number, utc_now)
    )
    book.keep_default()
    return book


@cache
def tracking() -> Tracking:
    items = _items()
    return Tracking(
        experiments=experiments(),
        runs=DynamoRuns(items),
        segments=DynamoSegments(items),
        index=DynamoRunIndex(items),
        datasets=DynamoDatasets(items),
        history=DynamoMetricHistory(items),
        models=logged_models(),
        now=utc_now,
        new_id=new_id,
        new_name=new_name,
    )


@cache
def logged_models() -> LoggedModels:
    items = _items()
    return LoggedModels(
        kept=DynamoLoggedModels(items),
        experiments=experiments(),
        segments=DynamoSegments(items),
        now=utc_now,
        new_id=lambda: uuid4().hex,
        new_name=new_name,
    )


@cache
def adoption() -> Adoption:
    items = _items()
    return Adoption(
        book=experiments(),
        experiments=DynamoExperiments(items),
        runs=DynamoRuns(items),
        models=DynamoLoggedModels(items),
        segments=DynamoSegments(items),
    )


@cache
def artifacts() -> Artifacts:
    return Artifacts(S3ArtifactFiles(client("s3"), TrackingSettings.from_env().artifact_bucket_name))


def _items() -> Items:
    return Items(quick_dynamodb(), TrackingSettings.from_env().tracking_table_name)
