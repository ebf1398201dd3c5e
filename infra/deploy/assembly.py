"""A CDK cloud assembly as the deployer reads it: stacks in order, and their assets."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FileAsset:
    """A file, or a folder that becomes a zip, and where it is to be in S3."""

    source: Path
    zipped: bool
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class ImageAsset:
    """A folder that becomes a container image."""

    directory: Path
    dockerfile: str
    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class StackArtifact:
    name: str
    template: Path
    #: Where a template goes that is too large to be sent along.
    bucket: str
    files: tuple[FileAsset, ...]
    images: tuple[ImageAsset, ...]


def stacks(folder: Path) -> list[StackArtifact]:
    """The stacks of an assembly, in the order in which they can be deployed."""
    return [_stack(folder, name) for name in json.loads((folder / "order.json").read_text())]


def _stack(folder: Path, name: str) -> StackArtifact:
    assets = json.loads((folder / f"{name}.assets.json").read_text())
    template = folder / f"{name}.template.json"
    files = [_file(folder, entry) for entry in assets.get("files", {}).values()]
    return StackArtifact(
        name=name,
        template=template,
        bucket=next(file.bucket for file in files if file.source == template),
        # The template itself is listed as an asset; the deployer hands it over by itself.
        files=tuple(file for file in files if file.source != template),
        images=tuple(_image(folder, entry) for entry in assets.get("dockerImages", {}).values()),
    )


def _file(folder: Path, entry: dict[str, Any]) -> FileAsset:
    (destination,) = entry["destinations"].values()
    return FileAsset(
        source=folder / entry["source"]["path"],
        zipped=entry["source"].get("packaging") == "zip",
        bucket=destination["bucketName"],
        key=destination["objectKey"],
    )


def _image(folder: Path, entry: dict[str, Any]) -> ImageAsset:
    (destination,) = entry["destinations"].values()
    return ImageAsset(
        directory=folder / entry["source"]["directory"],
        dockerfile=entry["source"].get("dockerFile", "Dockerfile"),
        repository=destination["repositoryName"],
        tag=destination["imageTag"],
    )
