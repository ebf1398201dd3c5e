"""Claims of captures in DynamoDB: which file each is stored in.

Items:  pk = CAPTURE#<claim key>     sk = CLAIM

A claim key is `<deployment>#<SHA-256 of the capture id>#<first row>`, and more for shadows and failures.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from shelflife.aws.items import Items, is_lost_condition
from shelflife.kernel.tables import EXPIRY
from shelflife.serving.errors import CaptureClaimedError

_SORT_KEY = "CLAIM"
#: Longer than a message waits in the queue (4 days) and in the dead-letter queue (14 days), also if it goes
#: through both again.
CLAIM_KEPT = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class DynamoClaims:
    items: Items

    def claim(self, claim_key: str, uri: str, at: datetime) -> str:
        try:
            self.items.put(_item(claim_key, uri, at), "attribute_not_exists(pk)")
        except ClientError as error:
            if not is_lost_condition(error):
                raise
        else:
            return uri
        found = self.items.get(_pk(claim_key), _SORT_KEY)
        if found is None:
            raise CaptureClaimedError(claim_key)
        return str(found["uri"])

    def reclaim(self, claim_key: str, before: str, uri: str, at: datetime) -> None:
        try:
            self.items.put(_item(claim_key, uri, at), "uri = :before", values={":before": before})
        except ClientError as error:
            if is_lost_condition(error):
                raise CaptureClaimedError(claim_key) from error
            raise


def _pk(claim_key: str) -> str:
    return f"CAPTURE#{claim_key}"


def _item(claim_key: str, uri: str, at: datetime) -> dict[str, object]:
    return {"pk": _pk(claim_key), "sk": _SORT_KEY, "uri": uri, EXPIRY: int((at + CLAIM_KEPT).timestamp())}
