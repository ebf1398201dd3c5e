"""The contexts that speak MLflow's protocol, in moto's cloud, asked over HTTP without a gateway."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from shelflife.registry.settings import TABLE as REGISTRY
from shelflife.registry.settings import RegistrySettings
from shelflife.tracing.settings import TABLE as TRACING
from shelflife.tracing.settings import TracingSettings
from shelflife.tracking.settings import TABLE as TRACKING
from shelflife.tracking.settings import TrackingSettings
from tests.harness.cloud import ENVIRONMENT, forget_wiring, make_bucket, make_table
from tests.harness.doors_transport import API_URL, Doors

CONTEXTS = ("tracking", "registry", "tracing")


@contextmanager
def mlflow_doors() -> Iterator[httpx.Client]:
    """A client of an installation with nothing in it."""
    from moto import mock_aws  # noqa: PLC0415 - it must not be there while the local cloud runs beside

    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        with mock_aws():
            forget_wiring()
            bucket = make_bucket("artifacts")
            for settings in (
                TrackingSettings(
                    tracking_table_name=make_table(TRACKING).table_name, artifact_bucket_name=bucket
                ),
                RegistrySettings(registry_table_name=make_table(REGISTRY).table_name),
                TracingSettings(
                    tracing_table_name=make_table(TRACING).table_name, artifact_bucket_name=bucket
                ),
            ):
                for name, value in settings.to_env().items():
                    patch.setenv(name, value)
            with httpx.Client(base_url=API_URL, transport=httpx.MockTransport(Doors(*CONTEXTS))) as http:
                yield http
            forget_wiring()
