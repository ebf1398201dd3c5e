"""How far a process of its own grows while it loads a model: `python -m tests.bench.model_memory FILE`.

The model's reference comes by standard input; to standard output go megabytes after the load and at the most.
"""

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

from shelflife.aws.objects import Objects
from shelflife.contracts.models import ModelVersionReference
from shelflife.serving.sessions import StoredModels


class FileBody:
    """A part of a file, as S3 would stream it."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        file.seek(start)
        self._file, self._left = file, size

    def read(self, size: int | None = None) -> bytes:
        chunk = self._file.read(self._left if size is None else min(size, self._left))
        self._left -= len(chunk)
        return chunk


class FileClient:
    """S3 with one object, which costs this process nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get_object(self, **asked: str) -> dict[str, Any]:
        size = self._path.stat().st_size
        if "Range" not in asked:
            return {"ContentLength": size, "Body": FileBody(self._path.open("rb"), 0, size)}
        start, end = (int(part) for part in asked["Range"].removeprefix("bytes=").split("-"))
        body = FileBody(self._path.open("rb"), start, end + 1 - start)
        return {"ContentRange": f"bytes {start}-{end}/{size}", "Body": body}


def main(path: str) -> None:
    reference = ModelVersionReference.model_validate_json(sys.stdin.read())
    models = StoredModels(Objects(cast("Any", FileClient(Path(path)))))
    # Otherwise the highest is that of the process that started this one.
    Path("/proc/self/clear_refs").write_text("5")
    before = _megabytes("VmRSS")
    model = models.load(reference)
    after = _megabytes("VmRSS")
    assert model.outputs
    print(json.dumps([after - before, _megabytes("VmHWM") - before]))  # noqa: T201 - see the first lines


def _megabytes(of: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{of}:"))


if __name__ == "__main__":
    main(sys.argv[1])
