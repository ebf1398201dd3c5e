from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: The evaluations of a model, by time.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
TABLE = TableSpec("validation", indexes=(LISTED,))


class ValidationSettings(Settings):
    validation_table_name: str
