from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: All deployments, by name: what lists them.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
TABLE = TableSpec("serving", indexes=(LISTED,), news=True)


class ServingSettings(Settings):
    """What `api` and `activate_deployment` need."""

    serving_table_name: str


class PredictSettings(Settings):
    """What `predict` needs; the budget is of model bytes kept in memory as sessions."""

    serving_table_name: str
    capture_queue_url: str
    model_budget_bytes: int = 256 * 1024 * 1024


class StoreCapturesSettings(Settings):
    """What `store_captures` needs."""

    serving_table_name: str
    capture_bucket_name: str
    window_days: int = 90
