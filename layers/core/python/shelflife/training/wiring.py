import os
from functools import cache

from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.aws.objects import Objects
from shelflife.kernel.ids import new_id, utc_now
from shelflife.training.backends import Backends
from shelflife.training.dynamo import DynamoJobs
from shelflife.training.executions import SfnExecutions
from shelflife.training.files import S3JobFiles
from shelflife.training.manifests import S3Manifests
from shelflife.training.model import Backend
from shelflife.training.planning import Planning
from shelflife.training.recording import Recording
from shelflife.training.service import Training
from shelflife.training.settings import PlanTrainingSettings, RecordingSettings, TrainingApiSettings


@cache
def training() -> Training:
    settings = TrainingApiSettings.from_env()
    return Training(
        jobs=_jobs(settings),
        manifests=_manifests(settings),
        executions=SfnExecutions(client("stepfunctions"), settings.train_model_arn),
        now=utc_now,
        new_id=new_id,
    )


@cache
def log_groups() -> dict[Backend, str]:
    """Where each back end's jobs log."""
    settings = TrainingApiSettings.from_env()
    return {Backend.SAGEMAKER: "/aws/sagemaker/TrainingJobs", Backend.BATCH: settings.batch_log_group_name}


@cache
def planning() -> Planning:
    settings = PlanTrainingSettings.from_env()
    return Planning(
        jobs=_jobs(settings),
        manifests=_manifests(settings),
        files=_files(settings),
        backends=Backends(
            stage_name=settings.stage_name,
            # Lambda's own variable: jobs run where their workflow runs.
            region=os.environ["AWS_REGION"],
            image_uri=settings.training_image_uri,
            role_arn=settings.training_role_arn,
            job_queue_arn=settings.job_queue_arn,
            job_definition_arn=settings.job_definition_arn,
            default_instance_type=settings.default_instance_type,
        ),
        now=utc_now,
    )


@cache
def recording() -> Recording:
    settings = RecordingSettings.from_env()
    return Recording(jobs=_jobs(settings), files=_files(settings), now=utc_now)


def _jobs(settings: RecordingSettings) -> DynamoJobs:
    return DynamoJobs(Items(client("dynamodb"), settings.training_table_name))


def _manifests(settings: RecordingSettings) -> S3Manifests:
    return S3Manifests(Objects(client("s3")), settings.artifact_bucket_name)


def _files(settings: RecordingSettings) -> S3JobFiles:
    return S3JobFiles(Objects(client("s3")), settings.artifact_bucket_name)
