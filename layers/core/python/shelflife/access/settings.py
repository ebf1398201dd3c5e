from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: All tokens, by id: what lists them.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
TABLE = TableSpec("access", indexes=(LISTED,))


class AccessSettings(Settings):
    access_table_name: str
    stage_name: str
