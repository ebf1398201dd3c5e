"""Answers that all instances share, in DynamoDB.

Items:  pk = CACHE#<SHA-256 of the model>#<hash of the input>     sk = ANSWER

A request waits for this: the client is a hurried one, and after a failure nobody asks for a while.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from botocore.exceptions import ClientError

from shelflife.aws.items import Items, TableUnavailableError
from shelflife.kernel.tables import EXPIRY
from shelflife.serving.settings import CACHE_PREFIX

_SORT_KEY = "ANSWER"
#: How long DynamoDB is left alone after it did not answer.
REST_SECONDS = 10.0


@dataclass(slots=True)
class DynamoAnswers:
    """`items` makes the table with a hurried client, when it is first needed."""

    items: Callable[[], Items]
    seconds: Callable[[], float]
    _rests_until: float = field(default=0.0, init=False)

    def read(self, key: str) -> tuple[bytes, float] | None:
        if self.seconds() < self._rests_until:
            return None
        try:
            item = self.items().get(_pk(key), _SORT_KEY)
        except (TableUnavailableError, ClientError):
            self._rest()
            return None
        return (bytes(item["answer"]), float(item[EXPIRY])) if item else None

    def write(self, key: str, content: bytes, until: float) -> None:
        if self.seconds() < self._rests_until:
            return
        item = {"pk": _pk(key), "sk": _SORT_KEY, "answer": content, EXPIRY: ceil(until)}
        try:
            self.items().put(item)
        except (TableUnavailableError, ClientError):
            self._rest()

    def _rest(self) -> None:
        self._rests_until = self.seconds() + REST_SECONDS


def _pk(key: str) -> str:
    return f"{CACHE_PREFIX}{key}"
