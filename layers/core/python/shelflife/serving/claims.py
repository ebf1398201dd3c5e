"""Claims of captures in DynamoDB: which file each is stored in, and who answered it.

Items:  pk = CAPTURE#<claim key>     sk = CLAIM

A claim key is `<deployment>#<SHA-256 of the capture id>#<first row>`, and more for shadows and failures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, is_lost_condition
from shelflife.kernel.tables import EXPIRY, PARTITION_KEY
from shelflife.serving.capture_ports import Filed
from shelflife.serving.captures import Answered
from shelflife.serving.errors import CaptureClaimedError

_PREFIX = "CAPTURE#"
_SORT_KEY = "CLAIM"
#: Longer than a message waits in the queue (4 days) and in the dead-letter queue (14 days), also if it goes
#: through both again.
CLAIM_KEPT = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class DynamoClaims:
    items: Items

    def claim(self, claim_key: str, uri: str, at: datetime, answered: Answered | None = None) -> str:
        try:
            self.items.put(_item(claim_key, uri, at, answered), "attribute_not_exists(pk)")
        except ClientError as error:
            if not is_lost_condition(error):
                raise
        else:
            return uri
        found = self.items.get(_pk(claim_key), _SORT_KEY)
        if found is None:
            raise CaptureClaimedError(claim_key)
        return str(found["uri"])

    def reclaim(
        self, claim_key: str, before: str, uri: str, at: datetime, answered: Answered | None = None
    ) -> None:
        item = _item(claim_key, uri, at, answered)
        try:
            self.items.put(item, "uri = :before", values={":before": before})
        except ClientError as error:
            if is_lost_condition(error):
                raise CaptureClaimedError(claim_key) from error
            raise

    def answered(self, claim_keys: Sequence[str]) -> dict[str, Answered]:
        return {key: filed.answered for key, filed in self.filed(claim_keys).items()}

    def filed(self, claim_keys: Sequence[str]) -> dict[str, Filed]:
        found = self.items.get_many([(_pk(key), _SORT_KEY) for key in claim_keys])
        return {
            item[PARTITION_KEY].removeprefix(_PREFIX): Filed(item["uri"], _answered(item))
            for item in found
            # Shadows, failures, and what was claimed before goals could be told.
            if "variant" in item
        }


def _pk(claim_key: str) -> str:
    return f"{_PREFIX}{claim_key}"


def _item(claim_key: str, uri: str, at: datetime, answered: Answered | None) -> dict[str, object]:
    claim = {"pk": _pk(claim_key), "sk": _SORT_KEY, "uri": uri, EXPIRY: int((at + CLAIM_KEPT).timestamp())}
    if answered is None:
        return claim
    return claim | answered._asdict() | {"captured_at": answered.captured_at.isoformat()}


def _answered(item: Item) -> Answered:
    captured_at = datetime.fromisoformat(item["captured_at"])
    return Answered(item["revision"], item["variant"], item["assigned"], captured_at)
