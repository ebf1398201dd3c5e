"""Datasets of an experiment's runs in DynamoDB.

Items:  pk = DATASETS#<experiment id>   sk = <name> <digest> <context>
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shelflife.aws.items import Items
from shelflife.tracking.model import DatasetSummary

_SEPARATOR = "\x01"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class DynamoDatasets:
    items: Items

    def note(self, summaries: Iterable[DatasetSummary]) -> None:
        keys = {(datasets_pk(one.experiment_id), _sk(one)) for one in summaries}
        self.items.write_many(puts=[{"pk": pk, "sk": sk} for pk, sk in sorted(keys)])

    def of(self, experiment_id: str) -> Iterator[DatasetSummary]:
        cursor: str | None = None
        while True:
            found, cursor = self.items.query(datasets_pk(experiment_id), limit=_PAGE, cursor=cursor)
            for item in found:
                name, digest, context = item["sk"].split(_SEPARATOR)
                yield DatasetSummary(experiment_id, name, digest, context or None)
            if cursor is None:
                return


def datasets_pk(experiment_id: str) -> str:
    return f"DATASETS#{experiment_id}"


def _sk(one: DatasetSummary) -> str:
    parts = (one.name, one.digest, one.context or "")
    return _SEPARATOR.join(part.replace(_SEPARATOR, " ") for part in parts)
