"""Tokens in DynamoDB.

Items:  pk = TOKEN#<token id>   sk = TOKEN          (index `listed`: list_pk = TOKENS, list_sk = <token id>)
"""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from shelflife.access.errors import TokenExistsError, TokenNotFoundError
from shelflife.access.model import Token
from shelflife.access.settings import LISTED
from shelflife.aws.items import Item, Items, is_lost_condition
from shelflife.kernel.paging import Page
from shelflife.kernel.tables import EXPIRY

_SORT_KEY = "TOKEN"
_LIST = "TOKENS"


@dataclass(frozen=True, slots=True)
class DynamoTokens:
    items: Items

    def add(self, token: Token) -> None:
        item = token.model_dump(mode="json") | {
            "pk": _pk(token.token_id),
            "sk": _SORT_KEY,
            LISTED.partition_key: _LIST,
            LISTED.sort_key: token.token_id,
            EXPIRY: int(token.expires_at.timestamp()),
            # `expires_at` is DynamoDB's own attribute for its TTL, in seconds.
            "token_expires_at": token.expires_at.isoformat(),
        }
        try:
            self.items.put(item, "attribute_not_exists(pk)")
        except ClientError as error:
            if is_lost_condition(error):
                raise TokenExistsError(token.token_id) from error
            raise

    def find(self, token_id: str) -> Token | None:
        item = self.items.get(_pk(token_id), _SORT_KEY)
        return _token(item) if item else None

    def remove(self, token_id: str) -> None:
        try:
            self.items.delete(_pk(token_id), _SORT_KEY, "attribute_exists(pk)")
        except ClientError as error:
            if is_lost_condition(error):
                raise TokenNotFoundError(token_id) from error
            raise

    def page(self, limit: int, cursor: str | None) -> Page[Token]:
        index = (LISTED.name, LISTED.partition_key, LISTED.sort_key)
        found, following = self.items.query(_LIST, limit=limit, cursor=cursor, index=index)
        return Page(items=tuple(_token(item) for item in found), next_cursor=following)


def _pk(token_id: str) -> str:
    return f"TOKEN#{token_id}"


def _token(item: Item) -> Token:
    fields = {name: item[name] for name in Token.model_fields if name in item}
    return Token.model_validate(fields | {"expires_at": item["token_expires_at"]})
