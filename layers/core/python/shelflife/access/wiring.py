from functools import cache, partial
from secrets import token_hex

from shelflife.access.dynamo import DynamoTokens
from shelflife.access.parameters import SsmSecrets
from shelflife.access.service import Access
from shelflife.access.settings import AccessSettings
from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.kernel.ids import new_id, utc_now


@cache
def access() -> Access:
    settings = AccessSettings.from_env()
    return Access(
        tokens=DynamoTokens(Items(client("dynamodb"), settings.access_table_name)),
        secrets=SsmSecrets(client("ssm")),
        now=utc_now,
        new_id=new_id,
        new_secret=partial(token_hex, 32),
        stage_name=settings.stage_name,
    )
