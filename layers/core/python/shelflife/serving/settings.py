from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: All deployments, by name: what lists them.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
#: Keys of the answers that are kept for who asks the same again: `predict` may write no other items.
CACHE_PREFIX = "CACHE#"
TABLE = TableSpec("serving", indexes=(LISTED,), news=True)


class ServingSettings(Settings):
    """What `api` and `activate_deployment` need."""

    serving_table_name: str


class PreloadSettings(Settings):
    """What `predict` loads before its first request."""

    #: Names of deployments, with commas between them, whose models are loaded when the function starts.
    preload_deployments: str = ""

    @property
    def deployments(self) -> tuple[str, ...]:
        return tuple(name for part in self.preload_deployments.split(",") if (name := part.strip()))


class PredictSettings(PreloadSettings):
    """What `predict` needs; the budget is of model bytes kept in memory as sessions."""

    serving_table_name: str
    capture_queue_url: str
    shadow_queue_url: str
    model_budget_bytes: int = 256 * 1024 * 1024
    #: Bytes of answers kept in memory, of the deployments whose answers are.
    answer_cache_bytes: int = 16 * 1024 * 1024


class StoreCapturesSettings(Settings):
    """What `store_captures` needs."""

    serving_table_name: str
    capture_bucket_name: str
    window_days: int = 90


class CountLabelsSettings(StoreCapturesSettings):
    """What `count_labels` needs: labels of captures that are not stored yet go back into its queue."""

    label_queue_url: str


class PredictShadowsSettings(Settings):
    """What `predict_shadows` needs."""

    serving_table_name: str
    capture_queue_url: str
    model_budget_bytes: int = 256 * 1024 * 1024
