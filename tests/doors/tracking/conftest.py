import os

import pytest

from shelflife.tracking.settings import TABLE, TrackingSettings
from tests.harness.cloud import make_bucket, make_table

# Before the client is imported: it would tell its makers about every run of the tests.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.fixture(autouse=True)
def installed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TrackingSettings(
        tracking_table_name=make_table(TABLE).table_name, artifact_bucket_name=make_bucket("artifacts")
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
