"""The job back ends are users of the cloud like any other: they reach S3 and CloudWatch Logs over HTTP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from infra.local.emulator import CloudSettings


class Clients:
    def __init__(self, settings: CloudSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}

    def of(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                self._made[service] = self._make(service)
            return self._made[service]

    def _make(self, service: str) -> Any:
        # The stubs know a client per literal name only.
        session: Any = boto3.Session(
            aws_access_key_id=self._settings.account,
            aws_secret_access_key="local",  # noqa: S106 - the emulator checks none
            region_name=self._settings.region,
        )
        config = Config(retries={"total_max_attempts": 2}, max_pool_connections=32)
        return session.client(service, endpoint_url=self._settings.endpoint_url, config=config)
