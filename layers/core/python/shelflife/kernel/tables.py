"""What a context's table looks like: CDK and the tests build it from the same object."""

from dataclasses import dataclass, field

PARTITION_KEY = "pk"
SORT_KEY = "sk"
#: Seconds since 1970 after which DynamoDB may delete an item.
EXPIRY = "expires_at"


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """A global secondary index on two string attributes; everything is projected."""

    name: str
    partition_key: str
    sort_key: str


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table with string keys `pk` and `sk` and a TTL on `expires_at`.

    `news` says that the table holds an outbox, so that its stream feeds the bus; `followed` that the context
    has a function that follows its changes.
    """

    context: str
    indexes: tuple[IndexSpec, ...] = field(default=())
    news: bool = False
    followed: bool = False
