from shelflife.kernel.names import Context
from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import TableSpec

TABLE = TableSpec(context=Context.TRACING)


class TracingSettings(Settings):
    tracing_table_name: str
    artifact_bucket_name: str
