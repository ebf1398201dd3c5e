"""MLflow's own pages: files of its package, which a layer brings, and nothing else of the package.

Files with a digest in their name never change, so browsers keep them. Texts are compressed when the layer is
built.
"""

import gzip
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from shelflife.tracking.artifacts import safe
from shelflife.tracking.errors import PageFileNotFoundError

#: As the layer names the folder (infra/build/layers.py).
PACKAGE = "mlflow_pages"
INDEX = "index.html"
_COMPRESSED = ".gz"
_DIGEST = re.compile(r"\.[0-9a-f]{8,20}\.")
_FOR_EVER, _ASKED_AGAIN = "public, max-age=31536000, immutable", "no-cache"
_SAFETY = {
    # The pages style inline, and draw charts and traces with code that is made while they run.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
        "img-src 'self' data: blob: https:; media-src 'self' data: blob: https:; "
        "worker-src 'self' blob:; frame-src 'self' blob: data:; connect-src 'self' blob: data:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class PagesNotShippedError(RuntimeError):
    def __init__(self) -> None:
        super().__init__(f"no layer of this function brings {PACKAGE!r}")


@dataclass(frozen=True, slots=True)
class PageFile:
    body: bytes
    content_type: str
    headers: Mapping[str, str]


def page_file(path: str, *, compressed: bool) -> PageFile:
    """A file of the pages; `compressed` if the caller takes gzip.

    Raises:
        InvalidArtifactPathError: the path could lead elsewhere.
        PageFileNotFoundError: there is none.
    """
    path = safe(path)
    body = _read(path + _COMPRESSED)
    headers = {**_SAFETY, "Cache-Control": _FOR_EVER if _DIGEST.search(path) else _ASKED_AGAIN}
    if body is None:
        body = _read(path)
    else:
        headers["Vary"] = "Accept-Encoding"
        if compressed:
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
    if body is None:
        raise PageFileNotFoundError(path)
    return PageFile(body, _content_type(path), headers)


def _read(path: str) -> bytes | None:
    found = _folder() / path
    return found.read_bytes() if found.is_file() else None


@cache
def _folder() -> Path:
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise PagesNotShippedError
    return Path(next(iter(found.submodule_search_locations)))


def _content_type(path: str) -> str:
    kind = {"js": "text/javascript", "mjs": "text/javascript", "cjs": "text/javascript"}.get(
        path.rpartition(".")[2]
    ) or (mimetypes.guess_type(path)[0] or "application/octet-stream")
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
