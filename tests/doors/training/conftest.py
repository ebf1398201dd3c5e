"""A cloud with a dataset version in it, as the functions and the training image find it."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from shelflife.aws.clients import client
from shelflife.aws.objects import split_uri
from shelflife.contracts.data import MANIFEST_KEY, DatasetManifest
from shelflife.training.settings import TABLE, PlanTrainingSettings, TrainingApiSettings
from tests.harness.cloud import make_bucket, make_table
from tests.unit.training.datasets import BUCKET, manifest_of, parquet_of

PutDataset = Callable[..., DatasetManifest]


@pytest.fixture
def bucket(aws: None) -> str:
    return make_bucket(BUCKET)


@pytest.fixture
def put_dataset(bucket: str) -> PutDataset:
    """Leave a dataset version in the bucket, as `data` does."""

    def put(frame: pd.DataFrame, **named: Any) -> DatasetManifest:
        rows = parquet_of(frame)
        manifest = manifest_of(frame, rows, **named)
        _, key = split_uri(manifest.rows.uri)
        client("s3").put_object(Bucket=bucket, Key=key, Body=rows)
        key = MANIFEST_KEY.format(name=manifest.name, version=manifest.version)
        client("s3").put_object(Bucket=bucket, Key=key, Body=manifest.model_dump_json().encode())
        return manifest

    return put


def install(monkeypatch: pytest.MonkeyPatch, train_model_arn: str) -> None:
    """The environment of all functions of the context, and their table."""
    table_name = make_table(TABLE).table_name
    api = TrainingApiSettings(
        training_table_name=table_name,
        artifact_bucket_name=BUCKET,
        train_model_arn=train_model_arn,
        batch_log_group_name="batch-logs",
    )
    planning = PlanTrainingSettings(
        training_table_name=table_name,
        artifact_bucket_name=BUCKET,
        stage_name="local",
        training_image_uri="000000000000.dkr.ecr.eu-west-1.amazonaws.com/training:1",
        training_role_arn="arn:aws:iam::000000000000:role/training",
        job_queue_arn="arn:aws:batch:eu-west-1:000000000000:job-queue/training",
        job_definition_arn="arn:aws:batch:eu-west-1:000000000000:job-definition/training:1",
        default_instance_type="ml.m5.large",
    )
    for name, value in (api.to_env() | planning.to_env()).items():
        monkeypatch.setenv(name, value)
