"""Where a local cloud keeps everything: one folder, nothing outside of it.

Layout:
    cloud.json      the running cloud, read by whoever wants to talk to it
    lock            held by the running cloud, released by the system when it dies
    emulator/       saved state of the services
    objects/        S3 objects
    content/        function zips and layers, unpacked once per digest
    runtime/        the packages that Lambda's runtime brings along
    jobs/           one folder per training or batch job
    images/         what the deployer published as container images
    log/cloud.log   the emulator's log
    tmp/            temporary files of the emulator and of its workers; emptied at start and stop
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_PROBE_BYTES = 64 * 1024


class LocalCloudError(Exception):
    """What keeps the local cloud from starting or stopping, in one line for whoever started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRecord:
    """The content of ``cloud.json``."""

    pid: int
    port: int
    endpoint_url: str
    region: str
    account: str
    started_at: str
    emulator_version: str

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields = json.loads(text)
        return cls(**{name: fields[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class StateDir:
    root: Path

    @property
    def cloud_file(self) -> Path:
        return self.root / "cloud.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def emulator(self) -> Path:
        return self.root / "emulator"

    @property
    def objects(self) -> Path:
        return self.root / "objects"

    @property
    def content(self) -> Path:
        return self.root / "content"

    @property
    def runtime(self) -> Path:
        return self.root / "runtime"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    @property
    def log_file(self) -> Path:
        return self.root / "log" / "cloud.log"

    def prepare(self) -> None:
        """Make every folder and prove that it can be written to.

        Raises:
            LocalCloudError: the folder cannot be made or written, or the disk is full.
        """
        folders = (self.emulator, self.objects, self.content, self.jobs, self.images, self.tmp)
        try:
            for folder in (*folders, self.log_file.parent):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.root / ".probe"
            probe.write_bytes(b"\0" * _PROBE_BYTES)
            probe.unlink()
        except OSError as error:
            raise LocalCloudError(
                f"cannot write to the state folder {self.root}: {error.strerror}"
            ) from error

    def clean(self) -> None:
        """Remove what no later start needs: temporary files and half-unpacked content."""
        for leftover in (*self.tmp.glob("*"), *self.content.glob(".*")):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)

    def lock(self) -> int:
        """Take the folder for this process; the system gives it back when the process ends, however it ends.

        Raises:
            LocalCloudError: another running cloud holds it.
        """
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            running = self.record()
            where = f" by process {running.pid} at {running.endpoint_url}" if running else ""
            raise LocalCloudError(f"the state folder {self.root} is in use{where}") from error
        return descriptor

    def is_locked(self) -> bool:
        """Whether a running cloud holds the folder; what ``cloud.json`` says may be older."""
        try:
            descriptor = os.open(self.lock_file, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def record(self) -> CloudRecord | None:
        """The cloud that last wrote ``cloud.json``; it need not run any more."""
        try:
            return CloudRecord.from_json(self.cloud_file.read_text())
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_record(self, record: CloudRecord) -> None:
        partial = self.cloud_file.with_suffix(".part")
        partial.write_text(record.to_json())
        partial.replace(self.cloud_file)
