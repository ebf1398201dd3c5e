"""The pinned emulator and the environment it is started in."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.local.state import LocalCloudError

if TYPE_CHECKING:
    from infra.local.state import StateDir

# Every patch in infra.local.patches was proven against exactly this version.
WANTED_VERSION = "1.5.33"
HOST = "127.0.0.1"
REGION = "eu-west-1"
ACCOUNT = "000000000000"

# What a process needs of the host; everything else would leak a developer's settings into the cloud.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSettings:
    """What one local cloud is started with."""

    state: StateDir
    port: int
    region: str = REGION
    account: str = ACCOUNT
    stop_grace_seconds: float = 10.0

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"


def installed_version() -> str:
    """The version of the emulator in this environment.

    Raises:
        LocalCloudError: it is not the one that the patches were proven against.
    """
    try:
        found = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != WANTED_VERSION:
        raise LocalCloudError(f"the local cloud needs ministack {WANTED_VERSION}, found {found}: run make")
    return found


def bind(port: int | None, preferred: int | None) -> socket.socket:
    """A loopback socket on the given port, else on the last one (old addresses stay valid), else a free one.

    Raises:
        LocalCloudError: the given port is taken.
    """
    candidates = [port] if port else [preferred, 0] if preferred else [0]
    for candidate in candidates:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate or 0))
        except OSError:
            listener.close()
        else:
            return listener
    raise LocalCloudError(f"port {port} is taken: stop what listens there or choose another port")


def clean_environment() -> dict[str, str]:
    """The part of this process's environment that a cloud may see."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def enter(settings: CloudSettings) -> None:
    """Make this process's environment the one that the emulator reads while it is imported."""
    state = settings.state
    kept = clean_environment()
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        {
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "GATEWAY_PORT": str(settings.port),
            "MINISTACK_REGION": settings.region,
            "MINISTACK_ACCOUNT_ID": settings.account,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state.emulator),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state.objects),
            "TMPDIR": str(state.tmp),
            "LOG_LEVEL": "INFO",
            # Both would listen on ports of their own, on every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # No daemon is asked for: functions and jobs are processes here.
            "DOCKER_HOST": f"unix://{state.tmp}/no-docker.sock",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )
    tempfile.tempdir = str(state.tmp)
