import os

import pytest

from shelflife.tracing.settings import TABLE, TracingSettings
from shelflife.tracking.settings import TABLE as TRACKING_TABLE
from shelflife.tracking.settings import TrackingSettings
from tests.harness.cloud import make_bucket, make_table

# Before the client is imported: it would tell its makers about every run of the tests.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.fixture(autouse=True)
def installed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = make_bucket("artifacts")
    tracing = TracingSettings(tracing_table_name=make_table(TABLE).table_name, artifact_bucket_name=bucket)
    tracking = TrackingSettings(
        tracking_table_name=make_table(TRACKING_TABLE).table_name, artifact_bucket_name=bucket
    )
    for name, value in (tracing.to_env() | tracking.to_env()).items():
        monkeypatch.setenv(name, value)
