"""Contract: the launcher starts, saves, restores and ends, and says in one line why it cannot."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.local import emulator
from infra.local.cloud import LocalCloud, running, stop_running
from infra.local.state import LocalCloudError, StateDir
from tests.infra.local.account import ROLE, Account, zipped

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]
SOURCE = "import whose, os\ndef handler(event, context):\n    return [whose.NAME, os.environ['MINE']]\n"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def everything(aws: Account) -> dict[str, Any]:
    """One of each kind of resource that has to survive a restart."""
    layer = aws.client("lambda").publish_layer_version(
        LayerName="whose", Content={"ZipFile": zipped({"python/whose.py": "NAME = 'layer'"})}
    )
    aws.function(
        SOURCE,
        FunctionName="f",
        Layers=[layer["LayerVersionArn"]],
        Environment={"Variables": {"MINE": "yes"}},
        Publish=True,
    )
    aws.client("lambda").create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    aws.client("s3").create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    aws.client("s3").put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        aws.client("s3").put_object(Bucket="bucket", Key="k", Body=body)
    key = {"AttributeName": "pk", "AttributeType": "S"}
    aws.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[key],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.client("dynamodb").put_item(
        TableName="table", Item={"pk": {"S": "a"}, "n": {"N": "1"}, "b": {"B": b"\x00\xff"}}
    )
    machine = aws.machine({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
    api = aws.client("apigatewayv2").create_api(
        Name="a", ProtocolType="HTTP", Target=f"arn:aws:lambda:eu-west-1:{aws.cloud.account}:function:f"
    )
    target = {"Arn": machine, "RoleArn": ROLE, "Input": "{}"}
    aws.client("scheduler").create_schedule(
        Name="s", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    aws.client("events").put_rule(Name="r", EventPattern=json.dumps({"source": ["x"]}))
    aws.client("sqs").create_queue(QueueName="q")
    aws.client("ssm").put_parameter(Name="/p", Value="v", Type="String")
    aws.client("batch").create_compute_environment(computeEnvironmentName="c", type="MANAGED")
    return {"machine": machine, "api": api["ApiId"]}


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    with LocalCloud(tmp_path) as cloud:
        aws = Account(cloud)
        made = everything(aws)
        assert aws.invoke("f") == ["layer", "yes"]
        port = cloud.endpoint_url
    state = StateDir(tmp_path)
    assert list(state.tmp.iterdir()) == []
    # A layer's content is a file of its own, not text in the state.
    assert "layer_blob" in (state.emulator / "lambda.json").read_text()
    with LocalCloud(tmp_path) as cloud:
        aws = Account(cloud)
        assert cloud.endpoint_url == port
        assert aws.invoke("f") == ["layer", "yes"]
        assert aws.invoke("f", Qualifier="live") == ["layer", "yes"]
        assert aws.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"two"
        versions = aws.client("s3").list_object_versions(Bucket="bucket")["Versions"]
        assert len(versions) == 2
        assert (
            aws.client("dynamodb").get_item(TableName="table", Key={"pk": {"S": "a"}})["Item"]["b"]["B"]
            == b"\x00\xff"
        )
        assert (
            aws.client("stepfunctions").describe_state_machine(stateMachineArn=made["machine"])["status"]
            == "ACTIVE"
        )
        assert aws.client("apigatewayv2").get_api(ApiId=made["api"])["ApiEndpoint"].startswith(port)
        assert aws.client("scheduler").get_schedule(Name="s")["ScheduleExpression"] == "rate(1 hour)"
        assert aws.client("events").describe_rule(Name="r")["State"] == "ENABLED"
        assert aws.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
        assert aws.client("ssm").get_parameter(Name="/p")["Parameter"]["Value"] == "v"
        assert aws.client("batch").describe_compute_environments()["computeEnvironments"]


def test_a_killed_cloud_leaves_nothing_behind(tmp_path: Path, eventually: Callable[..., Any]) -> None:
    cloud = LocalCloud(tmp_path).start()
    aws = Account(cloud)
    name = aws.function("import os, time\ndef handler(event, context):\n    return os.getpid()\n")
    worker = aws.invoke(name)
    assert cloud.pid is not None
    os.kill(cloud.pid, signal.SIGKILL)
    eventually(lambda: not alive(worker))
    assert running(tmp_path) is None
    with LocalCloud(tmp_path) as again:
        assert Account(again).client("s3").list_buckets()["Buckets"] == []
    with pytest.raises(LocalCloudError):
        cloud.stop()


def test_a_cloud_ends_with_the_process_that_started_it(
    tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    start = f"from infra.local.cloud import LocalCloud\nLocalCloud({str(tmp_path)!r}).start()\n"
    script = f"import os\n{start}os._exit(0)\n"
    subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True
    )
    eventually(lambda: running(tmp_path) is None)


def test_a_cloud_that_keeps_running_is_found_and_stopped(tmp_path: Path) -> None:
    cloud = LocalCloud(tmp_path, keep_running=True).start()
    found = running(tmp_path)
    assert found is not None
    assert found.endpoint_url == cloud.endpoint_url
    assert stop_running(tmp_path)
    assert not stop_running(tmp_path)
    cloud.stop()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((emulator.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalCloudError, match=f"^port {port} is taken: .*$"):
            LocalCloud(tmp_path, port=port).start()


def test_a_folder_in_use_is_named(cloud: LocalCloud) -> None:
    with pytest.raises(LocalCloudError, match=f"is in use by process {cloud.pid} at http://127.0.0.1"):
        LocalCloud(cloud.state.root).start()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalCloudError, match="cannot write to the state folder"):
        LocalCloud(tmp_path / "file" / "state").start()


def test_state_that_cannot_be_saved_is_said(tmp_path: Path) -> None:
    cloud = LocalCloud(tmp_path).start()
    shutil.rmtree(cloud.state.emulator)
    cloud.state.emulator.write_text("no folder")
    with pytest.raises(LocalCloudError, match=r"failed to save"):
        cloud.stop()


def test_it_runs_in_the_foreground_until_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.local", "serve", "--state-dir", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("local cloud: http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "9.9.9")
    with pytest.raises(LocalCloudError, match=r"needs ministack 1\.5\.33, found 9\.9\.9"):
        emulator.installed_version()


def test_the_cloud_listens_on_loopback_only(cloud: LocalCloud) -> None:
    port = int(cloud.endpoint_url.rsplit(":", 1)[1])
    listening = Path("/proc/net/tcp").read_text() if Path("/proc/net/tcp").exists() else ""
    rows = [row.split() for row in listening.splitlines()[1:]]
    addresses = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    assert addresses <= {f"0100007F:{port:04X}"}
    assert (
        Path(f"/proc/{cloud.pid}/net/tcp6").exists() is False
        or f":{port:04X}" not in Path("/proc/net/tcp6").read_text()
    )


def test_jobs_that_ran_have_failed_after_a_restart(tmp_path: Path) -> None:
    with LocalCloud(tmp_path, stop_grace_seconds=0.2) as cloud:
        aws = Account(cloud)
        context = tmp_path / "context"
        context.mkdir()
        (context / "Dockerfile").write_text(
            'FROM scratch\nCOPY main.py /main.py\nENTRYPOINT ["python", "/main.py"]\n'
        )
        (context / "main.py").write_text("import time; time.sleep(60)\n")
        published = {"uri": "image:1", "directory": str(context), "dockerfile": "Dockerfile"}
        (cloud.state.images / "1.json").write_text(json.dumps(published))
        aws.client("sagemaker").create_training_job(
            TrainingJobName="long",
            AlgorithmSpecification={"TrainingImage": "image:1", "TrainingInputMode": "File"},
            RoleArn=ROLE,
            OutputDataConfig={"S3OutputPath": "s3://bucket/"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
    with LocalCloud(tmp_path) as cloud:
        job = Account(cloud).client("sagemaker").describe_training_job(TrainingJobName="long")
        assert job["TrainingJobStatus"] in ("Failed", "Stopped")
