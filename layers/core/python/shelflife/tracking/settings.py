from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import TableSpec

TABLE = TableSpec("tracking", followed=True)


class TrackingSettings(Settings):
    tracking_table_name: str
    #: Run artifacts are kept below `tracking/` in it.
    artifact_bucket_name: str
