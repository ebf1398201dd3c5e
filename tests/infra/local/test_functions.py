"""Contract: Lambda functions behave as on AWS."""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from tests.infra.local.account import zipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.local.account import Account

ENVIRON = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"


def test_the_emulator_still_has_the_hooks() -> None:
    assert lambda_runtime._worker_class_for({"Runtime": "python3.13"}).__name__ in (
        "Worker",
        "FunctionWorker",
    )
    for name in ("_execute_function_warm", "_emit_lambda_logs", "handle_request", "_resolve_layer_zip"):
        assert callable(getattr(lambda_svc, name))


def test_an_answer_comes_back(aws: Account) -> None:
    name = aws.function("def handler(event, context):\n    return {'got': event}\n")
    assert aws.invoke(name, {"a": [1, "ä"]}) == {"got": {"a": [1, "ä"]}}


def test_a_function_sees_only_its_own_environment(aws: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    name = aws.function(ENVIRON, Environment={"Variables": {"MINE": "yes"}})
    seen = aws.invoke(name)
    assert seen["MINE"] == "yes"
    assert seen["AWS_ENDPOINT_URL"] == aws.cloud.endpoint_url
    assert seen["AWS_REGION"] == "eu-west-1"
    assert seen["_HANDLER"] == "handler.handler"
    assert not set(seen) & (
        set(os.environ) - {"PATH", "LANG", "TZ", "TMPDIR", "LC_CTYPE"} - set(seen_by_lambda())
    )


def seen_by_lambda() -> tuple[str, ...]:
    return (
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT_URL",
    )


def test_a_package_of_the_host_is_missing(aws: Account) -> None:
    name = aws.function("import pydantic\n\ndef handler(event, context):\n    return 1\n")
    answer = aws.failure(name)
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert answer["errorMessage"] == "Unable to import module 'handler': No module named 'pydantic'"
    assert any("No module named 'pydantic'" in line for line in aws.log(name))


def test_the_runtime_brings_boto3_that_reaches_the_cloud(aws: Account) -> None:
    bucket = aws.name("bucket")
    aws.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    source = (
        "import boto3, urllib.request\n"
        "def handler(event, context):\n"
        "    s3 = boto3.client('s3')\n"
        "    s3.put_object(Bucket=event, Key='k', Body=b'v')\n"
        "    url = s3.generate_presigned_url('get_object', Params={'Bucket': event, 'Key': 'k'})\n"
        "    return urllib.request.urlopen(url).read().decode()\n"
    )
    assert aws.invoke(aws.function(source, Timeout=20), bucket) == "v"


def test_task_comes_before_layers_and_layers_before_the_runtime(aws: Account) -> None:
    def layer(text: str) -> str:
        published = aws.client("lambda").publish_layer_version(
            LayerName=aws.name("layer"),
            Content={"ZipFile": zipped({"python/both.py": text, "python/six.py": "WHOSE = 'layer'"})},
        )
        return str(published["LayerVersionArn"])

    first, second = layer("WHOSE = 'first'"), layer("WHOSE = 'second'")
    name = aws.function(
        {
            "handler.py": "import sys, both, six, own\n"
            "def handler(e, c):\n    return [both.WHOSE, six.WHOSE, own.X, sys.path]\n",
            "own.py": "X = 'task'",
        },
        Layers=[first, second],
    )
    both, six, own, path = aws.invoke(name)
    assert (both, six, own) == ("second", "layer", "task")
    assert path[3].endswith("/runtime")


def test_a_zip_is_unpacked_once_for_all(aws: Account) -> None:
    source = "# twice\nimport os\ndef handler(event, context):\n    return os.environ['LAMBDA_TASK_ROOT']\n"
    roots = {aws.invoke(aws.function(source)) for _ in range(2)}
    assert len(roots) == 1


def test_an_exception_keeps_its_class_and_the_worker_lives(aws: Account) -> None:
    source = (
        "import os\nclass RefusedError(Exception): pass\n"
        "def handler(event, context):\n"
        "    if event: raise RefusedError('no')\n"
        "    return os.getpid()\n"
    )
    name = aws.function(source)
    before = aws.invoke(name)
    answer = aws.failure(name, 1)
    assert answer["errorType"] == "RefusedError"
    assert answer["errorMessage"] == "no"
    assert len(answer["requestId"]) == 36
    assert "raise RefusedError('no')" in answer["stackTrace"][-1]
    assert aws.invoke(name) == before
    assert "[ERROR] RefusedError: no" in aws.log(name)


def test_the_end_of_the_process_is_an_exit_error(aws: Account) -> None:
    name = aws.function(
        "import sys\ndef handler(event, context):\n    print('last words'); sys.exit(event)\n"
    )
    answer = aws.failure(name, 3)
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert "last words" in aws.log(name)


def test_a_slow_handler_times_out_and_is_killed(aws: Account) -> None:
    name = aws.function(
        "import os\ndef handler(event, context):\n    while event: pass\n    return os.getpid()\n",
        Timeout=1,
    )
    before = aws.invoke(name, 0)
    answer = aws.failure(name, 1)
    assert answer["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]
    assert aws.invoke(name, 0) != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


@pytest.mark.parametrize(
    ("files", "handler", "error_type"),
    [
        ({"handler.py": "x = 1"}, "handler.nothing", "Runtime.HandlerNotFound"),
        ({"handler.py": "def handler(:"}, "handler.handler", "Runtime.UserCodeSyntaxError"),
        ({"handler.py": "raise KeyError('X_TABLE')"}, "handler.handler", "KeyError"),
        ({"handler.py": "def handler(e, c): return object()"}, "handler.handler", "Runtime.MarshalError"),
        (
            {"handler.py": "def handler(e, c): return 'x' * 6_300_000"},
            "handler.handler",
            "Function.ResponseSizeTooLarge",
        ),
    ],
)
def test_failures_have_lambdas_names(
    aws: Account, files: dict[str, str], handler: str, error_type: str
) -> None:
    name = aws.function(files, Handler=handler)
    assert aws.failure(name)["errorType"] == error_type
    assert any(error_type in line or "exceeded maximum" in line for line in aws.log(name))


def test_a_request_over_six_megabytes_is_refused(aws: Account) -> None:
    name = aws.function("def handler(event, context):\n    return len(event)\n")
    assert aws.invoke(name, "x" * 6_291_400) == 6_291_400
    with pytest.raises(ClientError) as refused:
        aws.invoke(name, "x" * 6_291_500)
    assert refused.value.response["Error"]["Code"] == "RequestTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_the_context_is_complete(aws: Account) -> None:
    names = (
        "function_name",
        "function_version",
        "memory_limit_in_mb",
        "invoked_function_arn",
        "aws_request_id",
        "log_group_name",
        "log_stream_name",
    )
    source = (
        "def handler(event, context):\n"
        "    left = context.get_remaining_time_in_millis()\n"
        f"    return {{name: getattr(context, name) for name in {names}}} | {{'left': left}}\n"
    )
    name = aws.function(source, MemorySize=256, Timeout=7)
    seen = aws.invoke(name)
    assert seen["function_name"] == name
    assert seen["memory_limit_in_mb"] == "256"
    assert seen["log_group_name"] == f"/aws/lambda/{name}"
    assert 6000 < seen["left"] <= 7000
    streams = aws.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == [seen["log_stream_name"]]


def test_logs_are_complete_and_in_order(aws: Account) -> None:
    source = (
        "import logging, sys\nlogging.getLogger().setLevel('INFO')\nprint('at import')\n"
        "def handler(event, context):\n    print('one'); sys.stderr.write('two\\n'); logging.info('three')\n"
    )
    name = aws.function(source)
    aws.invoke(name)
    lines = aws.log(name)
    assert lines[0].startswith("START RequestId: ")
    assert lines[1:4] == ["at import", "one", "two"]
    assert lines[4].startswith("[INFO]\t")
    assert lines[4].endswith("three")
    assert lines[5].startswith("END ")
    assert "Init Duration" in lines[6]


def test_bytecode_in_a_zip_is_used(aws: Account) -> None:
    source = "def handler(event, context):\n    return 'from source'\n"
    code = compile(source.replace("source", "bytecode"), "handler.py", "exec")
    flags = (1).to_bytes(4, "little")
    pyc = (
        importlib.util.MAGIC_NUMBER
        + flags
        + importlib.util.source_hash(source.encode())
        + marshal.dumps(code)
    )
    cached = f"__pycache__/handler.{sys.implementation.cache_tag}.pyc"
    name = aws.function({"handler.py": source, cached: pyc})  # type: ignore[dict-item]
    assert aws.invoke(name) == "from bytecode"


def test_concurrent_calls_run_side_by_side(aws: Account) -> None:
    name = aws.function("import time, os\ndef handler(e, c):\n    time.sleep(0.5); return os.getpid()\n")
    with ThreadPoolExecutor(3) as pool:
        pids = list(pool.map(lambda _: aws.invoke(name), range(3)))
    assert len(set(pids)) == 3


def test_a_warm_call_is_fast(aws: Account) -> None:
    name = aws.function("def handler(event, context):\n    return 1\n")
    aws.invoke(name)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        aws.invoke(name)
        times.append(time.perf_counter() - began)
    assert sorted(times)[5] < 0.03


def test_a_weighted_alias_splits_traffic(aws: Account) -> None:
    client = aws.client("lambda")
    name = aws.function("def handler(event, context):\n    return 1\n", Publish=True)
    client.update_function_code(
        FunctionName=name, ZipFile=zipped({"handler.py": "def handler(e, c): return 2"}), Publish=True
    )
    client.create_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    seen = [aws.invoke(name, Qualifier="live") for _ in range(40)]
    assert 5 < seen.count(2) < 35


def test_workers_end_with_the_function(aws: Account, eventually: Callable[..., Any]) -> None:
    name = aws.function("import os\ndef handler(event, context):\n    return os.getpid()\n")
    pid = aws.invoke(name)
    aws.client("lambda").delete_function(FunctionName=name)

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    eventually(gone)


def test_state_is_json(aws: Account) -> None:
    record = json.loads(aws.cloud.state.cloud_file.read_text())
    assert record["pid"] == aws.cloud.pid
    assert record["emulator_version"] == "1.5.33"
