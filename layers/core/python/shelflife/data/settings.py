from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: All datasets, by name: what lists them.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
TABLE = TableSpec("data", indexes=(LISTED,))


class RecordFailureSettings(Settings):
    data_table_name: str


class ProfileDatasetSettings(Settings):
    data_table_name: str
    artifact_bucket_name: str


class DataApiSettings(Settings):
    data_table_name: str
    artifact_bucket_name: str
    ingest_dataset_arn: str
