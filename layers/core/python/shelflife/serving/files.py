"""Capture files in S3, laid out as contracts/serving.py says.

An object's creation is the moment at which its captures are stored: it is put only where nothing is, so of
two consumers one wins, and a file that was given up (empty, and marked so) cannot be written any more. The
profile beside it is derived from the file, so it can be written, and written again, at any later time.
"""

from dataclasses import dataclass

from shelflife.aws.objects import ObjectExistsError, Objects
from shelflife.contracts.monitoring import LabelBatch
from shelflife.contracts.serving import (
    CAPTURES_PREFIX,
    FAILURES_PREFIX,
    HOUR_FOLDER,
    PROFILES_PREFIX,
    SHADOWS_PREFIX,
    CapturedProfile,
)
from shelflife.serving.captures import CaptureBatch, CaptureKind, FileState
from shelflife.serving.columns import Columns, ColumnTypes
from shelflife.serving.errors import CaptureFileLostError
from shelflife.serving.parquet import empty_parquet, from_parquet, to_parquet

_PARQUET = "application/vnd.apache.parquet"
_GIVEN_UP = {"state": FileState.GIVEN_UP.value}
_SUFFIX = ".parquet"
_PREFIXES = {
    CaptureKind.CAPTURES: CAPTURES_PREFIX,
    CaptureKind.SHADOWS: SHADOWS_PREFIX,
    CaptureKind.FAILURES: FAILURES_PREFIX,
}


@dataclass(frozen=True, slots=True)
class S3LabelBatches:
    objects: Objects

    def read(self, uri: str) -> LabelBatch:
        return LabelBatch.model_validate_json(self.objects.read(uri))


@dataclass(frozen=True, slots=True)
class S3CaptureFiles:
    objects: Objects
    bucket_name: str

    def uri(self, batch: CaptureBatch, batch_id: str) -> str:
        folder = _PREFIXES[batch.kind].format(deployment=batch.deployment) + batch.hour.strftime(HOUR_FOLDER)
        return f"s3://{self.bucket_name}/{folder}{batch_id}{_SUFFIX}"

    def state(self, uri: str) -> FileState:
        metadata = self.objects.metadata(uri)
        if metadata is None:
            return FileState.ABSENT
        return FileState.GIVEN_UP if metadata == _GIVEN_UP else FileState.WRITTEN

    def write(self, uri: str, columns: Columns, types: ColumnTypes) -> None:
        try:
            self.objects.create(uri, to_parquet(columns, types), content_type=_PARQUET)
        except ObjectExistsError as error:
            # What is there may be this very file: a put whose answer got lost is sent again by the client.
            if self.state(uri) is not FileState.WRITTEN:
                raise CaptureFileLostError(uri) from error

    def give_up(self, uri: str, types: ColumnTypes) -> FileState:
        try:
            self.objects.create(uri, empty_parquet(types), content_type=_PARQUET, metadata=_GIVEN_UP)
        except ObjectExistsError:
            return self.state(uri)
        return FileState.GIVEN_UP

    def read(self, uri: str) -> Columns:
        return from_parquet(self.objects.read(uri))

    def has_profile(self, uri: str) -> bool:
        return self.objects.exists(self._profile_uri(uri))

    def write_profile(self, uri: str, profile: CapturedProfile) -> None:
        body = profile.model_dump_json().encode()
        self.objects.write(self._profile_uri(uri), body, content_type="application/json")

    def _profile_uri(self, uri: str) -> str:
        """The same place below the other prefix."""
        captures, profiles = CAPTURES_PREFIX.partition("/")[0], PROFILES_PREFIX.partition("/")[0]
        root = f"s3://{self.bucket_name}/"
        rest = uri.removeprefix(f"{root}{captures}/").removesuffix(_SUFFIX)
        return f"{root}{profiles}/{rest}.json"
