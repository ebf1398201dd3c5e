from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import TableSpec

TABLE = TableSpec("tracking", followed=True)


class TrackingSettings(Settings):
    tracking_table_name: str
    #: Run artifacts are kept below `tracking/` in it.
    artifact_bucket_name: str


class RemovalSettings(TrackingSettings):
    #: What was deleted longer ago goes, if a removal does not say otherwise.
    removal_after_days: int
    #: Longer than any function runs that writes what is removed.
    removal_grace_seconds: int


class RemovalApiSettings(Settings):
    tracking_table_name: str
    removal_after_days: int
    remove_deleted_arn: str
