"""Uploads and ingestions in DynamoDB, beside the datasets that they are for.

Items:  pk = DATASET#<name>   sk = UPLOAD#<upload id>          (expires with its file)
        pk = DATASET#<name>   sk = INGESTION#<ingestion id>
"""

from dataclasses import dataclass
from datetime import timedelta

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, is_lost_condition
from shelflife.data.errors import IngestionExistsError, IngestionNotFoundError, UploadExistsError
from shelflife.data.model import Ingestion, IngestionState, Upload
from shelflife.kernel.tables import EXPIRY

#: As long as the bucket keeps uploads.
_KEPT = timedelta(days=7)
_ABSENT = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class DynamoIngestions:
    items: Items

    def add_upload(self, upload: Upload) -> None:
        item = upload.model_dump(mode="json") | {
            "pk": _pk(upload.name),
            "sk": _upload(upload.upload_id),
            EXPIRY: int((upload.created_at + _KEPT).timestamp()),
        }
        try:
            self.items.put(item, _ABSENT)
        except ClientError as error:
            if is_lost_condition(error):
                raise UploadExistsError(upload.upload_id) from error
            raise

    def find_upload(self, name: str, upload_id: str) -> Upload | None:
        item = self.items.get(_pk(name), _upload(upload_id))
        return Upload.model_validate(_fields(item, Upload)) if item else None

    def add(self, ingestion: Ingestion) -> None:
        try:
            self.items.put(_item(ingestion), _ABSENT)
        except ClientError as error:
            if is_lost_condition(error):
                raise IngestionExistsError(ingestion.ingestion_id) from error
            raise

    def find(self, name: str, ingestion_id: str) -> Ingestion | None:
        item = self.items.get(_pk(name), _ingestion(ingestion_id))
        return Ingestion.model_validate(_fields(item, Ingestion)) if item else None

    def finish(self, ingestion: Ingestion) -> Ingestion:
        try:
            self.items.put(
                _item(ingestion),
                "#state = :running",
                values={":running": IngestionState.RUNNING},
                names={"#state": "state"},
            )
        except ClientError as error:
            if not is_lost_condition(error):
                raise
            kept = self.find(ingestion.name, ingestion.ingestion_id)
            if kept is None:
                raise IngestionNotFoundError(ingestion.name, ingestion.ingestion_id) from error
            return kept
        return ingestion


def _pk(name: str) -> str:
    return f"DATASET#{name}"


def _upload(upload_id: str) -> str:
    return f"UPLOAD#{upload_id}"


def _ingestion(ingestion_id: str) -> str:
    return f"INGESTION#{ingestion_id}"


def _item(ingestion: Ingestion) -> Item:
    return ingestion.model_dump(mode="json") | {
        "pk": _pk(ingestion.name),
        "sk": _ingestion(ingestion.ingestion_id),
    }


def _fields(item: Item, kind: type[Upload | Ingestion]) -> Item:
    return {name: item[name] for name in kind.model_fields if name in item}
