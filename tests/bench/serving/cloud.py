"""What stands behind `serving/predict` in a bench: moto, filled through the product's own doors.

In this process moto answers directly. For other processes a server on loopback answers what moto answered
the first time, so that no figure is one of moto's.
"""

import base64
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from moto import mock_aws

from functions.serving.activate_deployment.handler import handler as activate_deployment
from functions.serving.api.handler import handler as api
from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.serving.settings import TABLE, PredictSettings, ServingSettings
from tests.bench.serving.models import BenchModel
from tests.fakes.onnx_models import reference_of
from tests.harness.cloud import ENVIRONMENT, REGION, forget_wiring, make_bucket, make_table
from tests.harness.events import LambdaContext, golden, http_event

#: Ends the name of a model's second deployment, of which nothing is captured.
UNCAPTURED = "-uncaptured"
_SKIPPED = {"connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


@dataclass(frozen=True, slots=True)
class Cloud:
    """Two deployments per model, one of the model's name; `url` answers other processes."""

    url: str
    settings: dict[str, str]

    def environment(self, folder: Path) -> dict[str, str]:
        """What Lambda and the stack tell a function of the stage."""
        return {
            **ENVIRONMENT,
            **self.settings,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_LAMBDA_FUNCTION_NAME": "predict",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/predict",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "LAMBDA_TASK_ROOT": str(folder),
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }


@contextmanager
def cloud(*models: BenchModel) -> Iterator[Cloud]:
    """A cloud in which each of the models is deployed, with all requests captured and with none."""
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    os.environ.pop("AWS_ENDPOINT_URL", None)
    try:
        with mock_aws():
            forget_wiring()
            settings = _settings()
            os.environ.update(settings)
            for model in models:
                _deploy(model, model.name, 1.0)
                _deploy(model, f"{model.name}{UNCAPTURED}", 0.0)
            with _replayed() as url:
                yield Cloud(url, settings)
    finally:
        os.environ.clear()
        os.environ.update(before)
        forget_wiring()


def _settings() -> dict[str, str]:
    table = make_table(TABLE)
    make_bucket("artifacts")
    captures, shadows = (
        client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("captures", "shadows")
    )
    predict = PredictSettings(
        serving_table_name=table.table_name, capture_queue_url=captures, shadow_queue_url=shadows
    )
    return {
        **ServingSettings(serving_table_name=table.table_name).to_env(),
        **predict.to_env(),
        "POWERTOOLS_SERVICE_NAME": "serving",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _deploy(model: BenchModel, name: str, sampling_rate: float) -> None:
    asked = {"name": name, "model_name": model.name, "capture": {"sampling_rate": sampling_rate}}
    created = api(http_event("POST", "/v1/serving/deployments", asked), LambdaContext())
    if created["statusCode"] != 201:
        raise RuntimeError(created["body"])
    reference = reference_of(model.content, model.signature, model_name=model.name)
    plain = reference.model_dump(mode="json")
    uri = f"s3://artifacts/training/{model.name}/model.onnx"
    plain["candidate"]["model"]["uri"] = uri
    Objects(client("s3")).write(uri, model.content)
    event = golden("serving/activate_deployment")
    event["detail"] |= {"event_id": f"event-{name}", "promoted": plain}
    activate_deployment(event, LambdaContext())


@contextmanager
def _replayed() -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Replay)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.known: dict[tuple[str, ...], bytes] = {}


class _Replay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_HEAD = do_GET  # noqa: N815 - as above

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target", "")
        if target.startswith("AmazonSQS."):
            self.wfile.write(_accepted(target, body))
            return
        span = self.headers.get("Range", "")
        key = (self.command, self.path, target, span, hashlib.sha256(body).hexdigest())
        if key not in self.server.known:
            self.server.known[key] = self._asked(target, body)
        self.wfile.write(self.server.known[key])

    def _asked(self, target: str, body: bytes) -> bytes:
        service = "dynamodb" if target.startswith("DynamoDB_") else "s3"
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        found = requests.request(
            self.command,
            f"https://{service}.{REGION}.amazonaws.com{self.path}",
            data=body,
            headers=headers,
            timeout=10,
        )
        kept = {name: value for name, value in found.headers.items() if name.lower() not in _SKIPPED}
        return _response(found.status_code, kept, found.content)


def _accepted(target: str, body: bytes) -> bytes:
    """The queue takes everything."""
    asked = json.loads(body)
    if target.endswith(".SendMessageBatch"):
        entries = [_message(entry) | {"Id": entry["Id"]} for entry in asked["Entries"]]
        told: dict[str, Any] = {"Successful": entries, "Failed": []}
    else:
        told = _message(asked)
    return _response(200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(told).encode())


def _message(asked: dict[str, Any]) -> dict[str, str]:
    digest = hashlib.md5(asked["MessageBody"].encode(), usedforsecurity=False)
    return {"MessageId": base64.b16encode(digest.digest()).decode(), "MD5OfMessageBody": digest.hexdigest()}


def _response(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """One piece, so that no answer waits for an acknowledgement."""
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
