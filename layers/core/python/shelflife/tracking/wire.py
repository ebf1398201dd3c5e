"""What MLflow's clients are answered: int64 as numbers, NaN as text, what is unset or empty left out.

An answer of Lambda ends at 6 MB, so a page ends there too, whatever was asked for; clients go on by its
token.
"""

import json
import math
import mimetypes
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import unquote

from shelflife.kernel.paging import InvalidCursorError, decode_cursor, encode_cursor
from shelflife.tracking.artifacts import Upload, disposition
from shelflife.tracking.model import DatasetInput, DatasetSummary, Experiment, Metric, Run
from shelflife.tracking.ports import ArtifactEntry

T = TypeVar("T")
#: Bytes of JSON; quotes are escaped once more on the way out of Lambda.
PAGE_BYTES = 4_500_000
BYTES = "application/octet-stream"

#: The release of MLflow whose protocol this is; clients send traces to 3.4 or later only.
VERSION = "3.17.2"
#: What clients ask first. From 3.18 on they then send and fetch all files in parts, straight to storage.
SERVER_INFO: dict[str, object] = {
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    "multipart_uploads_enabled": True,
    "multipart_downloads_enabled": True,
    "artifacts_presigned_only": True,
    # The pages then show no menu for it.
    "features_enabled": {"gateway": False},
}


def page(  # noqa: PLR0913 - each is one choice of the caller's
    name: str,
    things: Iterable[T],
    show: Callable[[T], dict[str, Any]],
    *,
    token: str | None,
    limit: int,
    extra: Mapping[str, str] | None = None,
) -> str:
    """The JSON of a list from a token on, and where the next page begins, beside what is `extra`.

    Raises:
        InvalidCursorError: the token was not given out by a list.
    """
    begin = _offset(token)
    left = list(islice(things, begin, begin + limit + 1))
    # One text of all: thousands of small ones take twice as long.
    text = _text([show(thing) for thing in left[:limit]])
    if _size(text) > PAGE_BYTES:
        told = _page(name, left, show, lambda _last, count: _at(begin + count), limit)
    else:
        more = [f'"next_page_token":"{_at(begin + limit)}"'] if len(left) > limit else []
        told = "{" + ",".join([f'"{name}":{text}', *more] if left else []) + "}"
    return json.dumps({**extra, **json.loads(told)}) if extra else told


def found_page(
    name: str,
    things: Iterable[T],
    show: Callable[[T], dict[str, Any]],
    *,
    mark: Callable[[T], str],
    limit: int,
) -> str:
    """The JSON of what a search found first; `mark` gives the token of the page behind a thing."""
    return _page(name, things, show, lambda last, _count: mark(last), limit)


def _page(
    name: str,
    things: Iterable[T],
    show: Callable[[T], dict[str, Any]],
    mark: Callable[[T, int], str],
    limit: int,
) -> str:
    shown: list[str] = []
    size = 0
    parts: list[str] = []
    last: T | None = None
    for thing in things:
        text = _text(show(thing))
        size += _size(text)
        if last is not None and (len(shown) == limit or size > PAGE_BYTES):
            parts.append(f'"next_page_token":"{mark(last, len(shown))}"')
            break
        shown.append(text)
        last = thing
    if shown:
        parts.insert(0, f'"{name}":[{",".join(shown)}]')
    return "{" + ",".join(parts) + "}"


def _at(offset: int) -> str:
    return encode_cursor({"offset": offset}) or ""


def _text(shown: object) -> str:
    return json.dumps(shown, separators=(",", ":"))


def _size(text: str) -> int:
    return len(text) + text.count('"')


def experiment_json(experiment: Experiment) -> dict[str, Any]:
    return filled(
        {
            "experiment_id": experiment.experiment_id,
            "name": experiment.name,
            "artifact_location": experiment.artifact_location,
            "lifecycle_stage": experiment.lifecycle.value,
            "creation_time": experiment.creation_time,
            "last_update_time": experiment.last_update_time,
            "tags": pairs(experiment.tags.items()),
        }
    )


def run_info_json(run: Run) -> dict[str, Any]:
    return filled(
        {
            "run_uuid": run.run_id,
            "run_id": run.run_id,
            "run_name": run.run_name,
            "experiment_id": run.experiment_id,
            "user_id": run.user_id,
            "status": run.status.value,
            "start_time": run.start_time,
            "end_time": run.end_time,
            "artifact_uri": run.artifact_uri,
            "lifecycle_stage": run.lifecycle.value,
        }
    )


def run_json(run: Run) -> dict[str, Any]:
    data = {
        "metrics": [metric_json(metric) for metric in run.metrics.values()],
        "params": pairs(run.params.items()),
        "tags": pairs(run.tags.items()),
    }
    inputs = {
        "dataset_inputs": [_input_json(one) for one in run.inputs],
        "model_inputs": [{"model_id": model_id} for model_id in run.model_inputs],
    }
    outputs = {"model_outputs": [output._asdict() for output in run.model_outputs]}
    return {
        "info": run_info_json(run),
        "data": filled(data),
        "inputs": filled(inputs),
        "outputs": filled(outputs),
    }


def dataset_json(summary: DatasetSummary) -> dict[str, Any]:
    return filled(summary._asdict())


def _input_json(one: DatasetInput) -> dict[str, Any]:
    return filled({"tags": pairs(one.tags), "dataset": filled(one.dataset._asdict())})


def metric_json(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.key,
        "value": "NaN" if math.isnan(metric.value) else metric.value,
        "timestamp": metric.timestamp,
        "step": metric.step,
    }


def entry_json(entry: ArtifactEntry) -> dict[str, Any]:
    return filled({"path": entry.name, "is_dir": entry.size is None, "file_size": entry.size})


def upload_json(upload: Upload) -> dict[str, Any]:
    credentials = [
        {"url": url, "part_number": number, "headers": {}} for number, url in enumerate(upload.urls, 1)
    ]
    return {"upload_id": upload.upload_id, "credentials": credentials}


def file_headers(path: str) -> dict[str, str]:
    """Headers that keep a browser from running what somebody logged."""
    return {"X-Content-Type-Options": "nosniff", "Content-Disposition": disposition(unquote(path))}


def content_type_of(path: str) -> str:
    return mimetypes.guess_type(path)[0] or BYTES


def pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs]


def filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != []}


def _offset(token: str | None) -> int:
    offset = (decode_cursor(token) or {"offset": 0}).get("offset")
    if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
        raise InvalidCursorError(token or "")
    return offset
