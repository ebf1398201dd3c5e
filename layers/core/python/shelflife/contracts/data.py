"""What a dataset version is to those who train on it.

`data` writes the manifest when a version is final; whoever may read the prefix finds it there.
"""

from enum import StrEnum

from shelflife.kernel.ids import Moment, Name, Sha256
from shelflife.kernel.model import Model

#: The key of a manifest in the artifact bucket; zero-padded, so that keys sort by version.
MANIFEST_KEY = "datasets/{name}/versions/{version:08d}/manifest.json"
MANIFESTS_PREFIX = "datasets/{name}/versions/"
MANIFEST_FILE = "manifest.json"


class ColumnKind(StrEnum):
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    TIMESTAMP = "timestamp"


class Column(Model):
    """A column as it is in the version's rows.

    `distinct` is exact up to 1,000, above that a lower bound. `counts` holds the count of each value
    of a column with at most 100 different ones, as text.
    """

    name: str
    kind: ColumnKind
    missing: int
    distinct: int
    counts: dict[str, int] | None = None


class StoredObject(Model):
    """An object of S3, with what proves that it is the one that was meant."""

    uri: str
    sha256: Sha256
    size_bytes: int


class DatasetManifest(Model):
    """An immutable dataset version.

    `source` is the file as it was uploaded; `rows` the same rows as typed Parquet; `profile` the
    mergeable profile of every column.
    """

    name: Name
    version: int
    source: StoredObject
    rows: StoredObject
    profile: StoredObject
    format: str
    row_count: int
    columns: tuple[Column, ...]
    created_at: Moment
    created_by: str
