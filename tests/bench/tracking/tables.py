"""The contexts' tables in the emulator, for handlers of this process."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.cloud import LocalCloud
from shelflife.registry.settings import TABLE as REGISTRY
from shelflife.registry.settings import RegistrySettings
from shelflife.tracking.settings import TABLE as TRACKING
from shelflife.tracking.settings import TrackingSettings
from tests.harness.cloud import REGION, forget_wiring, make_bucket, make_table


@contextmanager
def tables() -> Iterator[None]:
    """Tables and a bucket in an emulator of their own; the contexts' settings name them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCloud(Path(folder), stop_grace_seconds=1) as cloud,
        pointed_at(cloud),
    ):
        bucket = make_bucket("artifacts")
        tracked = TrackingSettings(
            tracking_table_name=make_table(TRACKING).table_name, artifact_bucket_name=bucket
        )
        os.environ |= tracked.to_env()
        os.environ |= RegistrySettings(registry_table_name=make_table(REGISTRY).table_name).to_env()
        yield


@contextmanager
def pointed_at(cloud: LocalCloud) -> Iterator[None]:
    """This process's clients and handlers work on the cloud; what is set meanwhile is forgotten then."""
    kept = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": cloud.account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "POWERTOOLS_METRICS_NAMESPACE": "shelflife",
    }
    os.environ.pop("AWS_SESSION_TOKEN", None)
    forget_wiring()
    try:
        yield
    finally:
        forget_wiring()
        os.environ.clear()
        os.environ.update(kept)
