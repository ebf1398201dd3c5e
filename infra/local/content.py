"""Zips unpacked once per content, whoever uses them and how often."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import tempfile
import threading
import time
import zipfile
from pathlib import Path

_FILE_MODE_SHIFT = 16
_PERMISSIONS = 0o777


class ContentStore:
    """Folders named by the SHA-256 of the zip that they were unpacked from."""

    def __init__(self, folder: Path, partial: Path) -> None:
        self._folder = folder
        self._partial = partial
        self._lock = threading.Lock()

    def unpacked(self, archive: bytes, *, code_sha256: str = "") -> Path:
        """The folder with the archive's files; complete whenever it exists.

        Args:
            archive: the zip.
            code_sha256: its digest as Lambda writes it, where it is known: a large layer need not be read
            again.

        Raises:
            zipfile.BadZipFile: the archive is none.
        """
        digest = base64.b64decode(code_sha256).hex() if code_sha256 else hashlib.sha256(archive).hexdigest()
        target = self._folder / digest
        if target.is_dir():
            return target
        with self._lock:
            if not target.is_dir():
                self._unpack(archive, target)
        return target

    def forget_all_but(self, digests: set[str]) -> None:
        """Remove the folders that no function and no layer refers to any more."""
        for folder in self._folder.iterdir():
            if folder.name not in digests:
                shutil.rmtree(folder, ignore_errors=True)

    def _unpack(self, archive: bytes, target: Path) -> None:
        partial = Path(tempfile.mkdtemp(prefix="unpack-", dir=self._partial))
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                for member in opened.infolist():
                    _extract(opened, member, partial)
            partial.chmod(0o755)
            partial.replace(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    """Unpack one member with its mode and its time; bytecode in a zip is valid only beside that time."""
    path = opened.extract(member, folder)
    permissions = (member.external_attr >> _FILE_MODE_SHIFT) & _PERMISSIONS
    if member.is_dir():
        return
    if permissions:
        Path(path).chmod(permissions | 0o400)
    changed_at = time.mktime((*member.date_time, 0, 0, -1))
    os.utime(path, (changed_at, changed_at))
