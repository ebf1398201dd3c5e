import pytest

from shelflife.aws.items import Items
from shelflife.registry.settings import TABLE, InspectSettings
from tests.harness.cloud import make_bucket, make_table


@pytest.fixture
def table(aws: None, monkeypatch: pytest.MonkeyPatch) -> Items:
    """The registry's table, known to its functions."""
    made = make_table(TABLE)
    settings = InspectSettings(
        registry_table_name=made.table_name, artifact_bucket_name=make_bucket("artifacts")
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    return made
