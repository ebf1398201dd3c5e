import pytest

from shelflife.aws.items import Items
from shelflife.registry.settings import TABLE, RegistrySettings
from tests.harness.cloud import make_table


@pytest.fixture
def table(aws: None, monkeypatch: pytest.MonkeyPatch) -> Items:
    """The registry's table, known to its functions."""
    made = make_table(TABLE)
    for name, value in RegistrySettings(registry_table_name=made.table_name).to_env().items():
        monkeypatch.setenv(name, value)
    return made
