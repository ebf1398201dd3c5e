"""Manifests of dataset versions, where `data` leaves them."""

from dataclasses import dataclass

from shelflife.aws.objects import ObjectNotFoundError, Objects
from shelflife.contracts.data import MANIFEST_FILE, MANIFEST_KEY, MANIFESTS_PREFIX, DatasetManifest


@dataclass(frozen=True, slots=True)
class S3Manifests:
    objects: Objects
    bucket_name: str

    def find(self, name: str, version: int) -> DatasetManifest | None:
        return self._read(self._uri(MANIFEST_KEY.format(name=name, version=version)))

    def latest(self, name: str) -> DatasetManifest | None:
        # The manifest is written last: a version without one is not final.
        found = [
            uri
            for uri in self.objects.keys(self._uri(MANIFESTS_PREFIX.format(name=name)))
            if uri.endswith(f"/{MANIFEST_FILE}")
        ]
        return self._read(max(found)) if found else None

    def _uri(self, key: str) -> str:
        return f"s3://{self.bucket_name}/{key}"

    def _read(self, uri: str) -> DatasetManifest | None:
        try:
            return DatasetManifest.model_validate_json(self.objects.read(uri))
        except ObjectNotFoundError:
            return None
