from functools import cache

from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.kernel.ids import new_id, utc_now
from shelflife.registry.dynamo_aliases import DynamoAliases
from shelflife.registry.dynamo_models import DynamoRegisteredModels
from shelflife.registry.dynamo_versions import DynamoModelVersions
from shelflife.registry.promotion import Promotion
from shelflife.registry.service import Registry
from shelflife.registry.settings import RegistrySettings


@cache
def registry() -> Registry:
    items = _items()
    return Registry(
        models=DynamoRegisteredModels(items), versions=DynamoModelVersions(items), now=utc_now, new_id=new_id
    )


@cache
def promotion() -> Promotion:
    items = _items()
    return Promotion(
        aliases=DynamoAliases(items), versions=DynamoModelVersions(items), now=utc_now, new_id=new_id
    )


def _items() -> Items:
    return Items(client("dynamodb"), RegistrySettings.from_env().registry_table_name)
