"""Layers with the same content are kept once, in memory and in the saved state.

Stock keeps a copy per layer version and writes each into one JSON file as base64. Every stack publishes its
own version of the same assets, so that would be gigabytes.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from infra.local.content import ContentStore
    from infra.local.patches import Cloud

_ZIP = "_zip_data"
_BLOB = "layer_blob"


def apply(cloud: Cloud) -> None:
    _patch_publishing()
    _patch_saving()
    _patch_loading()
    cloud.after_restore.append(lambda: _forget_unused(cloud.content))


def _patch_publishing() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::LayerVersion"]
    stock_publish, stock_create = lambda_svc._publish_layer_version, handlers["create"]

    def publish(layer_name: str, data: dict[str, Any]) -> Any:
        answer = stock_publish(layer_name, data)
        _share(lambda_svc._layers)
        return answer

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        created = stock_create(logical_id, properties, stack_name)
        _share(lambda_svc._layers)
        return created

    lambda_svc._publish_layer_version = publish
    handlers["create"] = create


def _patch_saving() -> None:
    stock_state = lambda_svc.get_state

    def state() -> Any:
        held = [(version, version[_ZIP]) for version in _versions(lambda_svc._layers)]
        archives = {archive for _, archive in held if archive}
        blobs = {archive: {_BLOB: lambda_svc._write_code_blob(archive)} for archive in archives}
        try:
            for version, archive in held:
                version[_ZIP] = blobs.get(archive)
            saved = stock_state()
        finally:
            for version, archive in held:
                version[_ZIP] = archive
        # Stock has just removed every file that no function refers to.
        for archive in archives:
            lambda_svc._write_code_blob(archive)
        return saved

    lambda_svc.get_state = state


def _patch_loading() -> None:
    stock_load = lambda_svc.load_persisted_state

    def load(saved: dict[str, Any]) -> None:
        read: dict[str, bytes | None] = {}
        for version in _versions(saved["layers"]):
            reference = version.get(_ZIP)
            if isinstance(reference, dict):
                digest = reference[_BLOB]
                if digest not in read:
                    read[digest] = lambda_svc._read_code_blob(digest)
                version[_ZIP] = read[digest]
        stock_load(saved)

    lambda_svc.load_persisted_state = load


def _versions(layers: Any) -> list[dict[str, Any]]:
    return [version for layer in layers._data.values() for version in layer["versions"]]


def _share(layers: Any) -> None:
    known: dict[str, bytes] = {}
    for version in _versions(layers):
        if isinstance(version.get(_ZIP), bytes):
            version[_ZIP] = known.setdefault(version["Content"]["CodeSha256"], version[_ZIP])


def _forget_unused(content: ContentStore) -> None:
    """Unpacked content that no function and no layer of the restored state refers to goes."""
    digests = [version["Content"]["CodeSha256"] for version in _versions(lambda_svc._layers)]
    for func in lambda_svc._functions._data.values():
        versions = (func, *func.get("versions", {}).values())
        digests += [(version.get("config") or {}).get("CodeSha256", "") for version in versions]
    content.forget_all_but({base64.b64decode(digest).hex() for digest in digests if digest})
