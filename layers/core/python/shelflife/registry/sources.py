"""Where a version's files may be said to be: not on this machine, and nowhere else than it looks like."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from shelflife.registry.errors import InvalidFilePathError, InvalidSourceError

#: What clients send for prompts, which have no files.
PROMPT_SOURCES = frozenset({"dummy-source", "prompt-template"})
#: Schemes that name a host of the caller's choice.
_FOREIGN = frozenset({"http", "https", "ftp", "sftp", "hdfs", "viewfs", "r2", "b2", "abfss"})
_ARTIFACTS = "mlflow-artifacts"
_RELATIVE = "an absolute URI without relative path references is expected"
_LOGGED = re.compile(r"models:/+(?P<id>m-[0-9a-f]+|[^/@]+)/*$")
_REGISTERED = re.compile(r"models:/+(?P<name>[^/]+)(?:/(?P<suffix>[^/]+)|@(?P<alias>[^/@]+))$")


@dataclass(frozen=True, slots=True)
class RegisteredSource:
    """Another version: by its number, its stage, an alias, or as the latest."""

    name: str
    suffix: str | None = None
    alias: str | None = None


def check_prompt(source: str) -> None:
    if source not in PROMPT_SOURCES:
        raise InvalidSourceError(source, f"a prompt's is one of {sorted(PROMPT_SOURCES)}")


def check(source: str, *, run_id: str | None, model_id: str | None) -> None:
    """See that the source is where files of the run, or of the logged model, are.

    A run's files are under a folder with its id, a logged model's under one with the model's id: that is how
    the platform lays them out, so a source in our own storage has to name the id that it came from.

    Raises:
        InvalidSourceError: it is not.
    """
    scheme = _scheme(source)
    if scheme in {"", "file"}:
        raise InvalidSourceError(source, "a local path says nothing here: files are in artifact storage")
    if scheme in _FOREIGN or (scheme == _ARTIFACTS and urlsplit(source).netloc):
        raise InvalidSourceError(source, f"scheme {scheme!r} names a host other than the artifact storage")
    _check_path(source)
    if scheme == "runs":
        _check_run(source, run_id if not model_id else None)
    elif scheme == "models":
        _check_logged(source, model_id)
    elif scheme == _ARTIFACTS:
        _check_within(source, model_id or run_id, "model_id" if model_id else "run_id")


def registered(source: str) -> RegisteredSource | None:
    """The registered version that the source names (`models:/<name>/<version>`, `…@<alias>`), if it does."""
    if _scheme(source) != "models":
        return None
    found = _REGISTERED.match(unquote_plus(source))
    if found is None:
        return None
    name, suffix, alias = found["name"], found["suffix"], found["alias"]
    if suffix is None and alias is None:
        return None
    return RegisteredSource(name, suffix, alias)


def file_below(location: str, path: str) -> str:
    """Where artifact storage has the file with this path below the folder of a version's files.

    Raises:
        InvalidSourceError: the files are not in artifact storage.
        InvalidFilePathError: the path could lead elsewhere.
    """
    parts = urlsplit(location)
    if parts.scheme != _ARTIFACTS or parts.netloc:
        raise InvalidSourceError(location, "only files in artifact storage can be shown")
    plain = _unquoted(path)
    odd = any(letter < " " or letter in "\\\x7f" for letter in plain)
    if odd or {"", ".", ".."} & set(plain.split("/")):
        raise InvalidFilePathError(path)
    return f"{parts.path.strip('/')}/{path}"


def _scheme(source: str) -> str:
    try:
        return urlsplit(source).scheme.lower()
    except ValueError as error:
        raise InvalidSourceError(source, str(error)) from error


def _check_path(source: str) -> None:
    plain = _unquoted(source)
    path = re.sub(r"/+", "/", urlsplit(plain).path.rstrip("/"))
    odd = "\x00" in plain or ".." in plain.replace("\\", "/").split("/") or "." in path.split("/")
    if odd or (path and not path.startswith("/")):
        raise InvalidSourceError(source, _RELATIVE)
    if not path and _scheme(source) in {"runs", "models", _ARTIFACTS}:
        raise InvalidSourceError(source, _RELATIVE)


def _check_run(source: str, run_id: str | None) -> None:
    parts = urlsplit(source)
    named = parts.path.strip("/").split("/")[0]
    if parts.netloc or not run_id or named != run_id:
        raise InvalidSourceError(source, "run_id has to be the run that it names")


def _check_logged(source: str, model_id: str | None) -> None:
    """`models:/<id>` of a logged model; a registered version was resolved before."""
    found = _LOGGED.match(source)
    if found and (not model_id or found["id"] != model_id):
        raise InvalidSourceError(source, "model_id has to be the logged model that it names")
    if urlsplit(source).netloc:
        raise InvalidSourceError(source, "it names no model of this registry")


def _check_within(source: str, owner: str | None, field: str) -> None:
    folders = urlsplit(_unquoted(source)).path.split("/")
    if not owner or owner not in folders:
        raise InvalidSourceError(source, f"{field} has to be what the files belong to")


def _unquoted(text: str) -> str:
    while (plain := unquote_plus(text)) != text:
        text = plain
    return text
