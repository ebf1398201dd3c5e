from functools import cache

from shelflife.aws.clients import client, quick_dynamodb
from shelflife.aws.items import Items
from shelflife.kernel.ids import new_id, utc_now
from shelflife.registry.adoption import Adoption
from shelflife.registry.dynamo_histories import DynamoHistories
from shelflife.registry.dynamo_leftovers import DynamoLeftovers
from shelflife.registry.dynamo_models import DynamoRegisteredModels
from shelflife.registry.dynamo_uses import DynamoUses
from shelflife.registry.dynamo_versions import DynamoModelVersions
from shelflife.registry.history import History
from shelflife.registry.inspection import Inspection
from shelflife.registry.lifecycle import Lifecycle
from shelflife.registry.model_files import S3ModelFiles
from shelflife.registry.origins import Origins
from shelflife.registry.promotion import Promotion
from shelflife.registry.searching import Searching
from shelflife.registry.service import Registry
from shelflife.registry.settings import InspectSettings, RegistrySettings
from shelflife.registry.stages import Stages
from shelflife.registry.submission import Submission


@cache
def lifecycle() -> Lifecycle:
    items = _items()
    return Lifecycle(models=DynamoRegisteredModels(items), uses=DynamoUses(items), now=utc_now, new_id=new_id)


@cache
def registry() -> Registry:
    items = _items()
    return Registry(
        models=DynamoRegisteredModels(items),
        versions=DynamoModelVersions(items),
        lifecycle=lifecycle(),
        now=utc_now,
        new_id=new_id,
    )


@cache
def promotion() -> Promotion:
    items = _items()
    return Promotion(
        models=DynamoRegisteredModels(items),
        versions=DynamoModelVersions(items),
        uses=DynamoUses(items),
        now=utc_now,
        new_id=new_id,
    )


@cache
def stages() -> Stages:
    items = _items()
    return Stages(
        models=DynamoRegisteredModels(items),
        versions=DynamoModelVersions(items),
        uses=DynamoUses(items),
        now=utc_now,
    )


@cache
def submission() -> Submission:
    return Submission(registry=registry(), promotion=promotion())


@cache
def inspection() -> Inspection:
    items, settings = _items(), InspectSettings.from_env()
    return Inspection(
        models=DynamoRegisteredModels(items),
        versions=DynamoModelVersions(items),
        files=S3ModelFiles(client("s3"), settings.artifact_bucket_name),
        now=utc_now,
        new_id=new_id,
    )


@cache
def searching() -> Searching:
    items = _items()
    return Searching(models=DynamoRegisteredModels(items), versions=DynamoModelVersions(items))


@cache
def adoption() -> Adoption:
    items = _items()
    return Adoption(
        models=DynamoRegisteredModels(items), versions=DynamoModelVersions(items), now=utc_now, new_id=new_id
    )


@cache
def history() -> History:
    items = _items()
    return History(models=DynamoRegisteredModels(items), histories=DynamoHistories(items))


@cache
def origins() -> Origins:
    items = _items()
    return Origins(
        models=DynamoRegisteredModels(items),
        versions=DynamoModelVersions(items),
        histories=DynamoHistories(items),
    )


@cache
def uses() -> DynamoUses:
    return DynamoUses(_items())


@cache
def leftovers() -> DynamoLeftovers:
    return DynamoLeftovers(_items())


def _items() -> Items:
    return Items(quick_dynamodb(), RegistrySettings.from_env().registry_table_name)
