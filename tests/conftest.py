from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.harness.cloud import ENVIRONMENT, forget_wiring


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account inside this process."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        forget_wiring()
        yield
        forget_wiring()
