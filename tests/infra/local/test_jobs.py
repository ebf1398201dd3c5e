"""Contract: training jobs and batch jobs run real processes under SageMaker's contract."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from ministack import app
from ministack.core import router
from ministack.services import batch
from ministack.services.cloudformation import provisioners

from tests.infra.local.account import ROLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.infra.local.account import Account

DOCKERFILE = """
FROM python:3.13-slim
COPY functions/train/requirements.txt /opt/program/
RUN pip install --require-hashes \\
    -r /opt/program/requirements.txt
COPY layers/core/python /opt/program
COPY functions/train/main.py /opt/program/
ENV PYTHONPATH=/opt/program PYTHONUNBUFFERED=1
WORKDIR /opt/program
ENTRYPOINT ["python", "/opt/program/main.py"]
"""
MAIN = """
import json, os, pathlib, signal, sys, time
import corelib
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
print("args", sys.argv[1:], corelib.NAME)
given = base / "input/config/hyperparameters.json"
what = os.environ.get("WHAT") or json.loads(given.read_text()).get("what", "train")
if what == "fail":
    (base / "output/failure").write_text("ValueError: no rows")
    sys.exit(2)
if what == "crash":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "sleep":
    print("pid", os.getpid(), flush=True)
    time.sleep(60)
if what == "flaky":
    sys.exit(0 if os.environ["AWS_BATCH_JOB_ATTEMPT"] == "2" else 1)
(base / "model/model.txt").write_text("trained")
(base / "output/data/seen.json").write_text(json.dumps({
    "environ": dict(os.environ), "argv": sys.argv, "cwd": os.getcwd(), "path": sys.path,
    "files": sorted(str(p.relative_to(base)) for p in base.rglob("*") if p.is_file())}))
"""


@pytest.fixture(scope="session")
def image(aws: Account, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A published image; its URI."""
    context: Path = tmp_path_factory.mktemp("context")
    files = {
        "functions/train/requirements.txt": "",
        "functions/train/main.py": MAIN,
        "functions/train/Dockerfile": DOCKERFILE,
        "functions/train/sibling.py": "",
        "layers/core/python/corelib/__init__.py": "NAME = 'core'",
    }
    for name, text in files.items():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(text)
    uri = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/assets:abc"
    published = {"uri": uri, "directory": str(context), "dockerfile": "functions/train/Dockerfile"}
    (aws.cloud.state.images / "abc.json").write_text(json.dumps(published))
    return uri


@pytest.fixture(scope="session")
def bucket(aws: Account) -> str:
    name = aws.name("jobs")
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws.client("s3").put_object(Bucket=name, Key="data/train/part/a.csv", Body=b"1,2")
    return name


@pytest.fixture
def request_of(aws: Account, image: str, bucket: str) -> Callable[..., dict[str, Any]]:
    def make(what: str = "train", **changes: Any) -> dict[str, Any]:
        channel = {
            "S3DataType": "S3Prefix",
            "S3Uri": f"s3://{bucket}/data/train",
            "S3DataDistributionType": "FullyReplicated",
        }
        return {
            "TrainingJobName": aws.name("job"),
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "HyperParameters": {"what": what, "depth": "3"},
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": channel}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "Environment": {"MINE": "yes"},
            **changes,
        }

    return make


@pytest.fixture
def train(aws: Account, eventually: Callable[..., Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def run(request: dict[str, Any]) -> dict[str, Any]:
        aws.client("sagemaker").create_training_job(**request)
        return ended(aws, eventually, request["TrainingJobName"])

    return run


def describe(aws: Account, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("sagemaker").describe_training_job(TrainingJobName=name)
    return found


def ended(aws: Account, eventually: Callable[..., Any], name: str) -> dict[str, Any]:
    eventually(lambda: describe(aws, name)["TrainingJobStatus"] not in ("InProgress", "Stopping"))
    return describe(aws, name)


def archive(aws: Account, uri: str) -> dict[str, bytes]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as opened:
        return {name: opened.extractfile(name).read() for name in opened.getnames()}  # type: ignore[union-attr]


def test_the_emulator_still_has_the_hooks() -> None:
    assert {"/v1/submitjob", "/v1/registerjobdefinition", "/v1/createjobqueue"} <= set(batch._DISPATCH)
    for name in ("_lazy_handler", "_load_persisted_state", "_get_module"):
        assert callable(getattr(app, name)), name
    assert isinstance(app._state_map, dict)
    assert "batch" in router.SERVICE_PATTERNS
    assert "AWS::Lambda::Function" in provisioners._RESOURCE_HANDLERS


def test_a_training_job_trains(aws: Account, request_of: Any, train: Any, bucket: str) -> None:
    request = request_of()
    job = train(request)
    name = request["TrainingJobName"]
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed"), job.get(
        "FailureReason"
    )
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/models/{name}/output/model.tar.gz"
    assert archive(aws, job["ModelArtifacts"]["S3ModelArtifacts"]) == {"model.txt": b"trained"}
    statuses = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["TrainingEndTime"] >= job["TrainingStartTime"] >= job["CreationTime"]
    seen = json.loads(archive(aws, f"s3://{bucket}/models/{name}/output/output.tar.gz")["seen.json"])
    environ = seen["environ"]
    assert environ["SM_HPS"] == '{"what": "train", "depth": 3}'
    assert environ["SM_HP_DEPTH"] == "3"
    assert environ["SM_CHANNEL_TRAIN"].endswith("/input/data/train")
    assert environ["SM_CURRENT_HOST"] == "localhost"
    assert environ["TRAINING_JOB_NAME"] == name
    assert environ["MINE"] == "yes"
    assert environ["AWS_ENDPOINT_URL"] == aws.cloud.endpoint_url
    assert "VIRTUAL_ENV" not in environ
    assert seen["argv"][1:] == ["train"]
    assert seen["cwd"].endswith("/image/opt/program")
    assert "input/data/train/part/a.csv" in seen["files"]
    assert {
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
    } <= set(seen["files"])


def test_the_log_of_a_training_job_is_in_cloudwatch(aws: Account, request_of: Any, train: Any) -> None:
    request = request_of()
    train(request)
    found = aws.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=request["TrainingJobName"]
    )
    assert [event["message"] for event in found["events"]] == ["args ['train'] core"]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("fail", "AlgorithmError: ValueError: no rows, exit code: 2"),
        ("crash", "AlgorithmError: ExitCode, exit code: 137"),
    ],
)
def test_a_failed_training_job_says_why(request_of: Any, train: Any, what: str, reason: str) -> None:
    job = train(request_of(what))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == reason


def test_an_unknown_image_is_named(request_of: Any, train: Any) -> None:
    job = train(
        request_of(AlgorithmSpecification={"TrainingImage": "nowhere/none:1", "TrainingInputMode": "File"})
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert "nowhere/none:1" in job["FailureReason"]


def test_missing_input_is_named(request_of: Any, train: Any, bucket: str) -> None:
    request = request_of()
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/nothing/"
    assert f"s3://{bucket}/nothing/" in train(request)["FailureReason"]


def test_a_name_is_used_once(aws: Account, request_of: Any, train: Any) -> None:
    request = request_of()
    train(request)
    with pytest.raises(ClientError) as refused:
        aws.client("sagemaker").create_training_job(**request)
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"


def test_a_training_job_out_of_time_is_stopped(request_of: Any, train: Any) -> None:
    job = train(request_of("sleep", StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_training_job_can_be_stopped(aws: Account, request_of: Any, eventually: Any) -> None:
    request = request_of("sleep")
    name = request["TrainingJobName"]
    aws.client("sagemaker").create_training_job(**request)
    log = aws.cloud.state.jobs / name / "job.log"
    eventually(lambda: log.exists() and "pid" in log.read_text())
    pid = int(log.read_text().split()[-1])
    aws.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert ended(aws, eventually, name)["TrainingJobStatus"] == "Stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_training_jobs_are_listed(aws: Account, request_of: Any, train: Any) -> None:
    request = request_of()
    train(request)
    listed = aws.client("sagemaker").list_training_jobs(NameContains=request["TrainingJobName"])
    assert [job["TrainingJobStatus"] for job in listed["TrainingJobSummaries"]] == ["Completed"]


@pytest.fixture(scope="session")
def queue(aws: Account, image: str) -> str:
    """A queue and a definition made through CloudFormation; the stack's name."""
    template = {
        "Resources": {
            "Environment": {"Type": "AWS::Batch::ComputeEnvironment", "Properties": {"Type": "MANAGED"}},
            "Queue": {
                "Type": "AWS::Batch::JobQueue",
                "Properties": {
                    "Priority": 1,
                    "ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": {"Ref": "Environment"}}],
                },
            },
            "Definition": {
                "Type": "AWS::Batch::JobDefinition",
                "Properties": {
                    "Type": "container",
                    "Parameters": {"mode": "quick"},
                    "RetryStrategy": {"Attempts": 1},
                    "Timeout": {"AttemptDurationSeconds": 60},
                    "ContainerProperties": {
                        "Image": image,
                        "Command": ["--mode", "Ref::mode"],
                        "Environment": [{"Name": "FROM", "Value": "definition"}],
                        "ResourceRequirements": [
                            {"Type": "VCPU", "Value": "1"},
                            {"Type": "MEMORY", "Value": "512"},
                        ],
                    },
                },
            },
            "Model": {"Type": "AWS::SageMaker::Model", "Properties": {"ExecutionRoleArn": ROLE}},
            "Group": {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "Properties": {"ModelPackageGroupName": "shelflife"},
            },
        },
        "Outputs": {
            "Queue": {"Value": {"Ref": "Queue"}},
            "Definition": {"Value": {"Ref": "Definition"}},
            "Group": {"Value": {"Fn::GetAtt": ["Group", "ModelPackageGroupArn"]}},
        },
    }
    return aws.stack(template)


def submit(aws: Account, queue: str, what: str = "train", **changes: Any) -> str:
    outputs = aws.outputs(queue)
    submitted = aws.client("batch").submit_job(
        jobName="job",
        jobQueue=outputs["Queue"],
        jobDefinition=outputs["Definition"],
        containerOverrides={"environment": [{"name": "WHAT", "value": what}]},
        **changes,
    )
    return str(submitted["jobId"])


def finished(aws: Account, eventually: Callable[..., Any], job_id: str) -> dict[str, Any]:
    def state() -> dict[str, Any]:
        found: dict[str, Any] = aws.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]
        return found

    eventually(lambda: state()["status"] in ("SUCCEEDED", "FAILED"))
    return state()


def test_a_batch_job_runs(aws: Account, queue: str, eventually: Any) -> None:
    assert (
        aws.outputs(queue)["Group"]
        == "arn:aws:sagemaker:eu-west-1:000000000000:model-package-group/shelflife"
    )
    job = finished(aws, eventually, submit(aws, queue, parameters={"mode": "slow"}))
    assert job["status"] == "SUCCEEDED"
    assert job["container"]["exitCode"] == 0
    found = aws.client("logs").get_log_events(
        logGroupName="/aws/batch/job", logStreamName=job["container"]["logStreamName"]
    )
    assert [event["message"] for event in found["events"]] == ["args ['--mode', 'slow'] core"]
    seen = json.loads((aws.cloud.state.jobs / f"{job['jobId']}-1" / "ml/output/data/seen.json").read_text())
    assert seen["environ"]["FROM"] == "definition"
    assert seen["environ"]["AWS_BATCH_JOB_ID"] == job["jobId"]


def test_a_failed_batch_job_says_so(aws: Account, queue: str, eventually: Any) -> None:
    job = finished(aws, eventually, submit(aws, queue, "fail"))
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 2)
    assert job["statusReason"] == "Essential container in task exited"


def test_a_batch_job_is_tried_again(aws: Account, queue: str, eventually: Any) -> None:
    job = finished(aws, eventually, submit(aws, queue, "flaky", retryStrategy={"attempts": 3}))
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 0]


def test_a_batch_job_can_be_terminated(aws: Account, queue: str, eventually: Any) -> None:
    job_id = submit(aws, queue, "sleep")
    eventually(lambda: aws.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]["status"] == "RUNNING")
    listed = aws.client("batch").list_jobs(jobQueue=aws.outputs(queue)["Queue"])["jobSummaryList"]
    assert job_id in [job["jobId"] for job in listed]
    aws.client("batch").terminate_job(jobId=job_id, reason="enough")
    job = finished(aws, eventually, job_id)
    assert (job["status"], job["statusReason"]) == ("FAILED", "enough")


def test_an_unknown_queue_is_refused(aws: Account) -> None:
    with pytest.raises(ClientError, match="nowhere"):
        aws.client("batch").submit_job(jobName="j", jobQueue="nowhere", jobDefinition="none")


def sync(aws: Account, resource: str, parameters: object, **fields: Any) -> str:
    task = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": parameters,
        "End": True,
        **fields,
    }
    return aws.execute(aws.machine({"StartAt": "Work", "States": {"Work": task}}))


def outcome(aws: Account, eventually: Callable[..., Any], execution: str) -> dict[str, Any]:
    def state() -> dict[str, Any]:
        found: dict[str, Any] = aws.client("stepfunctions").describe_execution(executionArn=execution)
        return found

    eventually(lambda: state()["status"] != "RUNNING")
    return state()


def test_a_machine_waits_for_a_training_job(aws: Account, request_of: Any, eventually: Any) -> None:
    result = outcome(aws, eventually, sync(aws, "sagemaker:createTrainingJob.sync", request_of()))
    assert result["status"] == "SUCCEEDED", result
    job = json.loads(result["output"])
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("/output/model.tar.gz")
    assert abs(job["CreationTime"] / 1000 - time.time()) < 60


def test_a_failed_training_job_fails_its_task(aws: Account, request_of: Any, eventually: Any) -> None:
    result = outcome(aws, eventually, sync(aws, "sagemaker:createTrainingJob.sync", request_of("fail")))
    assert (result["status"], result["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(result["cause"])["FailureReason"].startswith("AlgorithmError: ValueError: no rows")


def test_a_refused_training_job_has_the_sdks_error(aws: Account, request_of: Any, eventually: Any) -> None:
    result = outcome(
        aws,
        eventually,
        sync(aws, "sagemaker:createTrainingJob.sync", request_of(HyperParameters={"depth": 3})),
    )
    assert result["error"] == "SageMaker.AmazonSageMakerException"


def test_stopping_an_execution_stops_its_job(aws: Account, request_of: Any, eventually: Any) -> None:
    request = request_of("sleep")
    name = request["TrainingJobName"]
    execution = sync(aws, "sagemaker:createTrainingJob.sync", request)
    eventually(
        lambda: any(aws.client("sagemaker").list_training_jobs(NameContains=name)["TrainingJobSummaries"])
    )
    aws.client("stepfunctions").stop_execution(executionArn=execution)
    assert ended(aws, eventually, name)["TrainingJobStatus"] == "Stopped"
    assert aws.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_a_tasks_timeout_stops_its_job(aws: Account, request_of: Any, eventually: Any) -> None:
    request = request_of("sleep")
    execution = sync(aws, "sagemaker:createTrainingJob.sync", request, TimeoutSeconds=1)
    assert outcome(aws, eventually, execution)["error"] == "States.Timeout"
    assert ended(aws, eventually, request["TrainingJobName"])["TrainingJobStatus"] == "Stopped"


def test_a_machine_waits_for_a_batch_job(aws: Account, queue: str, eventually: Any) -> None:
    outputs = aws.outputs(queue)
    parameters: dict[str, Any] = {
        "JobName": "job",
        "JobQueue": outputs["Queue"],
        "JobDefinition": outputs["Definition"],
        "Parameters": {"mode": "slow"},
        "ContainerOverrides": {"Environment": [{"Name": "WHAT", "Value": "train"}]},
    }
    result = outcome(aws, eventually, sync(aws, "batch:submitJob.sync", parameters))
    assert result["status"] == "SUCCEEDED", result
    job = json.loads(result["output"])
    assert (job["Status"], job["Container"]["ExitCode"], job["Parameters"]) == (
        "SUCCEEDED",
        0,
        {"mode": "slow"},
    )
    parameters["ContainerOverrides"]["Environment"][0]["Value"] = "fail"
    failed = outcome(aws, eventually, sync(aws, "batch:submitJob.sync", parameters))
    assert failed["error"] == "States.TaskFailed"
    assert json.loads(failed["cause"])["Container"]["ExitCode"] == 2
