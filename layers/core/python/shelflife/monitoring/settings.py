from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: All monitors, by deployment.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
TABLE = TableSpec("monitoring", indexes=(LISTED,), news=True)


class MonitoringSettings(Settings):
    """`capture_bucket_name` holds captures, profiles, labels and roll-ups; reports go to the other one."""

    monitoring_table_name: str
    artifact_bucket_name: str
    capture_bucket_name: str
