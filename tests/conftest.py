from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.harness.cloud import ENVIRONMENT, forget_wiring


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account inside this process."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    # MLflow's client leaves its own address behind for the whole process.
    for name in ("AWS_ENDPOINT_URL", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        forget_wiring()
        yield
        forget_wiring()
