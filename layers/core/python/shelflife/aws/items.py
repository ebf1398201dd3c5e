"""DynamoDB items as plain dicts: floats in, floats out, conditions by name.

The client API is used, not the resource API, whose import costs 94 ms more at a cold start.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shelflife.aws.attempts import attempts
from shelflife.aws.attributes import plain, typed
from shelflife.kernel.errors import UnavailableError
from shelflife.kernel.paging import decode_cursor, encode_cursor
from shelflife.kernel.tables import PARTITION_KEY, SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]


#: BatchGetItem's limit.
_MOST_KEYS = 100
#: BatchWriteItem's limit.
_MOST_WRITES = 25
#: What a write is told while a transaction is under way with its item; botocore does not try it again.
_IN_TRANSACTION = "TransactionConflictException"

#: Answers after which the same call may work: the client has retried it a few times already.
_PASSING = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
}
#: Why a transaction was given up that may work later.
_PASSING_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError"}


class TableUnavailableError(UnavailableError):
    """DynamoDB does not answer, or says that it cannot now."""

    def __init__(self, table_name: str, reason: str) -> None:
        super().__init__(f"table {table_name!r} does not answer now: {reason}")


def is_lost_condition(error: ClientError) -> bool:
    """Whether a write failed because its condition, or one of its transaction's, did not hold."""
    code = error.response["Error"]["Code"]
    reasons = error.response.get("CancellationReasons", [])
    return code == "ConditionalCheckFailedException" or (
        code == "TransactionCanceledException"
        and any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
    )


def lost_conditions(error: ClientError) -> list[int]:
    """Places of the writes of a transaction whose conditions did not hold."""
    reasons = error.response.get("CancellationReasons", [])
    return [at for at, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]


def is_contended(error: ClientError) -> bool:
    """Whether a transaction was given up because another was writing the same items at that moment."""
    reasons = error.response.get("CancellationReasons", [])
    return any(reason.get("Code") == "TransactionConflict" for reason in reasons)


def to_item(fields: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-like values to DynamoDB's typed form; None fields are left out."""
    return {key: typed(value) for key, value in fields.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Item:
    return {key: plain(value) for key, value in item.items()}


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction: an item to put, or a key to delete, under a condition.

    `check` is the key of an item that only has to meet the condition. `update` is the expression that
    changes some attributes of the item at `key`.
    """

    put: Mapping[str, Any] | None = None
    delete: Mapping[str, Any] | None = None
    check: Mapping[str, Any] | None = None
    key: Mapping[str, Any] | None = None
    update: str | None = None
    condition: str | None = None
    values: Mapping[str, Any] | None = None
    names: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A context's table."""

    client: "DynamoDBClient"
    table_name: str

    def get(self, pk: str, sk: str) -> Item | None:
        """The item, read consistently."""
        with self._answering():
            found = self.client.get_item(
                TableName=self.table_name, Key=to_item({PARTITION_KEY: pk, SORT_KEY: sk}), ConsistentRead=True
            )
        return from_item(found["Item"]) if "Item" in found else None

    def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        """Those of the items that are there, each read consistently, in no order; every key is named once."""
        found: list[Item] = []
        for first in range(0, len(keys), _MOST_KEYS):
            found += self._get_batch(keys[first : first + _MOST_KEYS])
        return found

    def put(
        self,
        item: Mapping[str, Any],
        condition: str | None = None,
        *,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Write the whole item.

        Raises:
            ClientError: for which `is_lost_condition` holds, when the condition does not.
        """
        self._write(self.client.put_item, Item=to_item(item), **_conditions(condition, values, names))

    def delete(self, pk: str, sk: str, condition: str | None = None) -> None:
        key = to_item({PARTITION_KEY: pk, SORT_KEY: sk})
        self._write(self.client.delete_item, Key=key, **_conditions(condition, None, None))

    def update(
        self,
        key: tuple[str, str],
        expression: str,
        *,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
        condition: str | None = None,
    ) -> Item:
        """Change some attributes; the answer is the item afterwards."""
        changed = self._write(
            self.client.update_item,
            Key=to_item({PARTITION_KEY: key[0], SORT_KEY: key[1]}),
            UpdateExpression=expression,
            ReturnValues="ALL_NEW",
            **_conditions(condition, values, names),
        )
        return from_item(changed["Attributes"])

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all of the writes (100 at the most) or none."""
        with self._answering():
            self.client.transact_write_items(TransactItems=[self._transacted(write) for write in writes])

    def write_many(
        self, *, puts: Sequence[Mapping[str, Any]] = (), deletes: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Put and delete whole items, 25 a request and in no order; each key is named once.

        Raises:
            TableUnavailableError: some were not taken, after a few tries: do it all again.
        """
        asked: list[Any] = [{"PutRequest": {"Item": to_item(item)}} for item in puts]
        keys = [to_item({PARTITION_KEY: pk, SORT_KEY: sk}) for pk, sk in deletes]
        asked += [{"DeleteRequest": {"Key": key}} for key in keys]
        for first in range(0, len(asked), _MOST_WRITES):
            self._write_batch(asked[first : first + _MOST_WRITES])

    def query(  # noqa: PLR0913 - each is one choice of DynamoDB's own
        self,
        pk: str,
        *,
        prefix: str = "",
        between: tuple[str, str] | None = None,
        limit: int,
        cursor: str | None = None,
        newest_first: bool = False,
        index: tuple[str, str, str] | None = None,
    ) -> tuple[list[Item], str | None]:
        """A page of a partition and the cursor of the next; `index` is (name, partition key, sort key).

        Of all sort keys those with the `prefix`, or those `between` two, which both belong to it.
        """
        _, partition_key, sort_key = index or ("", PARTITION_KEY, SORT_KEY)
        condition, values = _sort_condition(prefix, between)
        asked: dict[str, Any] = {
            "TableName": self.table_name,
            "KeyConditionExpression": "#p = :p" + condition,
            "ExpressionAttributeNames": {"#p": partition_key} | ({"#s": sort_key} if condition else {}),
            "ExpressionAttributeValues": to_item({":p": pk} | values),
            "Limit": limit,
            "ScanIndexForward": not newest_first,
        }
        if index:
            asked["IndexName"] = index[0]
        else:
            asked["ConsistentRead"] = True
        start = decode_cursor(cursor)
        if start:
            asked["ExclusiveStartKey"] = to_item(start)
        with self._answering():
            page = self.client.query(**asked)
        last = page.get("LastEvaluatedKey")
        return [from_item(item) for item in page["Items"]], encode_cursor(from_item(last) if last else None)

    def _write(self, call: Callable[..., Any], **asked: Any) -> Any:
        """What the call answers once no transaction is under way with its item."""
        for _ in attempts():
            try:
                with self._answering():
                    return call(TableName=self.table_name, **asked)
            except ClientError as error:
                if error.response["Error"]["Code"] != _IN_TRANSACTION:
                    raise
        raise TableUnavailableError(self.table_name, _IN_TRANSACTION)

    def _write_batch(self, asked: list[Any]) -> None:
        left: Any = {self.table_name: asked}
        for _ in attempts():
            with self._answering():
                left = self.client.batch_write_item(RequestItems=left).get("UnprocessedItems")
            if not left:
                return
        raise TableUnavailableError(self.table_name, "UnprocessedItems")

    def _get_batch(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        asked = [to_item({PARTITION_KEY: pk, SORT_KEY: sk}) for pk, sk in keys]
        left: Any = {self.table_name: {"Keys": asked, "ConsistentRead": True}}
        found: list[Item] = []
        for _ in attempts():
            with self._answering():
                page = self.client.batch_get_item(RequestItems=left)
            found += [from_item(item) for item in page["Responses"].get(self.table_name, [])]
            left = page.get("UnprocessedKeys")
            if not left:
                return found
        raise TableUnavailableError(self.table_name, "UnprocessedKeys")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Tell a store that does not answer from one that says no."""
        try:
            yield
        except BotoCoreError as error:
            raise TableUnavailableError(self.table_name, str(error)) from error
        except ClientError as error:
            if error.response["Error"]["Code"] in _PASSING:
                raise TableUnavailableError(self.table_name, error.response["Error"]["Code"]) from error
            reasons = {reason.get("Code", "") for reason in error.response.get("CancellationReasons", [])}
            if (passing := reasons & _PASSING_REASONS) and not is_lost_condition(error):
                raise TableUnavailableError(self.table_name, passing.pop()) from error
            raise

    def _transacted(self, write: Write) -> Any:
        condition = _conditions(write.condition, write.values, write.names)
        if write.put is not None:
            return {"Put": {"TableName": self.table_name, "Item": to_item(write.put), **condition}}
        if write.key is not None and write.update is not None:
            changed = {"Key": to_item(write.key), "UpdateExpression": write.update}
            return {"Update": {"TableName": self.table_name, **changed, **condition}}
        if write.check is not None:
            key = to_item(write.check)
            return {"ConditionCheck": {"TableName": self.table_name, "Key": key, **condition}}
        if write.delete is not None:
            return {"Delete": {"TableName": self.table_name, "Key": to_item(write.delete), **condition}}
        msg = "a write is a put, a delete or a check"
        raise ValueError(msg)


def _sort_condition(prefix: str, between: tuple[str, str] | None) -> tuple[str, dict[str, str]]:
    if between:
        return " AND #s BETWEEN :s AND :e", {":s": between[0], ":e": between[1]}
    return (" AND begins_with(#s, :s)", {":s": prefix}) if prefix else ("", {})


def _conditions(
    condition: str | None, values: Mapping[str, Any] | None, names: Mapping[str, str] | None
) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if condition:
        asked["ConditionExpression"] = condition
    if values:
        # Unlike an item's field, a value that an expression names must be there even as null.
        asked["ExpressionAttributeValues"] = {key: typed(value) for key, value in values.items()}
    if names:
        asked["ExpressionAttributeNames"] = dict(names)
    return asked
