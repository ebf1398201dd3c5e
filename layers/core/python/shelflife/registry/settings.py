from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: All models by name, and all versions by age: what searches go through.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
TABLE = TableSpec("registry", indexes=(LISTED,), news=True)


class RegistrySettings(Settings):
    registry_table_name: str
