from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: Models by name, versions of all models by age, moves of an alias.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
#: Models by age, and a model's versions by age.
RECENT = IndexSpec("recent", "recent_pk", "recent_sk")
TABLE = TableSpec("registry", indexes=(LISTED, RECENT), news=True)


class RegistrySettings(Settings):
    registry_table_name: str


class InspectSettings(RegistrySettings):
    artifact_bucket_name: str
