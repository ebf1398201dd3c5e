from shelflife.kernel.settings import Settings
from shelflife.kernel.tables import IndexSpec, TableSpec

#: All jobs by the time of their request.
LISTED = IndexSpec("listed", "list_pk", "list_sk")
TABLE = TableSpec("training", indexes=(LISTED,))


class RecordingSettings(Settings):
    """Of `record_result`, `record_outcome` and `record_failure`."""

    training_table_name: str
    artifact_bucket_name: str


class TrainingApiSettings(RecordingSettings):
    """Of `api`."""

    train_model_arn: str
    batch_log_group_name: str


class PlanTrainingSettings(RecordingSettings):
    """Of `plan_training`."""

    stage_name: str
    training_image_uri: str
    training_role_arn: str
    job_queue_arn: str
    job_definition_arn: str
    default_instance_type: str
