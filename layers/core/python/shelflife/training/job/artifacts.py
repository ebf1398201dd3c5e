"""What a job leaves behind, below ``training/<job id>/`` of the artifact bucket and in the model folder."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelflife.aws.objects import Objects
from shelflife.contracts.data import StoredObject
from shelflife.contracts.models import Task
from shelflife.kernel.profiles import reference_profile, to_json
from shelflife.training.job.parity import Exported
from shelflife.training.job.rows import Rows

Array = npt.NDArray[Any]

MODEL = "model.onnx"
BASELINE = "baseline.json"
HOLDOUT = "holdout.npz"
#: Zip files cannot be older; a fixed time keeps equal arrays equal bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Writes each file to S3 and, where a person may want it, into the model folder."""

    objects: Objects
    output_uri: str
    folder: Path

    def write(self, name: str, body: bytes, *, content_type: str, kept: bool = True) -> StoredObject:
        if kept:
            (self.folder / name).write_bytes(body)
        uri = self.uri(name)
        sha256 = self.objects.write(uri, body, content_type=content_type)
        return StoredObject(uri=uri, sha256=sha256, size_bytes=len(body))

    def uri(self, name: str) -> str:
        return f"{self.output_uri}{name}"


def baseline_json(exported: Exported, rows: Rows) -> str:
    """The profile of the rows that the model was trained on, and of what it answers to them.

    A missing category counts as missing, as a missing number does.
    """
    columns: dict[str, Array] = dict(rows.numeric)
    for name, values in rows.categorical.items():
        columns[name] = np.array([value or None for value in values], dtype=object)
    if exported.task is Task.REGRESSION:
        columns["prediction"] = exported.predict(rows)
    else:
        labels, _ = exported.classify(rows)
        columns["prediction"] = np.array([str(label) for label in labels], dtype=object)
    return to_json(reference_profile(columns))


def holdout_npz(rows: Rows) -> bytes:
    """The held-out rows: an array per feature and `target`, texts with a fixed width, nothing pickled."""
    arrays: dict[str, Array] = dict(rows.numeric)
    arrays |= {name: values.astype(str) for name, values in rows.categorical.items()}
    return npz(arrays | {"target": rows.target})


def npz(arrays: Mapping[str, Array]) -> bytes:
    """Like numpy.savez, but any name will do and equal arrays give equal bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, values in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(values), allow_pickle=False)
            told = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            told.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(told, entry.getvalue())
    return archive.getvalue()
