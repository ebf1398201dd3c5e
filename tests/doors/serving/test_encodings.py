"""What the door of predictions makes of bytes, compressed or not; the cloud behind it is left out."""

import base64
import gzip
import json
import zlib
from typing import Any

import numpy as np
import pytest

from functions.serving.predict import handler
from shelflife.contracts.models import Datatype
from shelflife.entry.encodings import BODY_LIMIT
from shelflife.serving.binary import BinaryTensors
from tests.fakes.onnx_models import input_of, summing
from tests.fakes.predicting import ServedWorld, binary_request
from tests.harness.events import LambdaContext, golden, http_event

INFER = "/v2/models/bikes/infer"
BODY = {"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}]}


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> ServedWorld:
    world = ServedWorld(summing(input_of("x")))
    monkeypatch.setattr(handler, "predictions", lambda: world.predictions)
    monkeypatch.setattr(handler, "protocol", lambda: world.protocol)
    monkeypatch.setattr(handler, "repository", lambda: world.repository)
    monkeypatch.setattr(handler, "scoring", lambda: world.scoring)
    return world


def ask(body: Any, headers: dict[str, str] | None = None, *, path: str = INFER, method: str = "POST") -> Any:
    """The answer, with its body as bytes."""
    event = http_event(method, path, body, headers=headers, role="admin")
    answer = handler.handler(event, LambdaContext())
    content = answer["body"]
    raw = base64.b64decode(content) if answer["isBase64Encoded"] else content.encode()
    return answer | {"raw": raw}


def rows(count: int) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": [count], "datatype": "FP32", "data": [0.5] * count}]}


def test_the_golden_request_of_a_binary_client_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    features = (input_of("hr"), input_of("temp"), input_of("season", Datatype.BYTES))
    monkeypatch.setattr(handler, "protocol", lambda: ServedWorld(summing(*features)).protocol)
    answer = handler.handler(golden("serving/predict_binary"), LambdaContext())
    length = int(answer["headers"]["Inference-Header-Content-Length"])
    content = base64.b64decode(answer["body"])
    assert json.loads(content[:length])["id"] == "43"
    assert np.frombuffer(content[length:], np.float32) == pytest.approx([18.24])


@pytest.mark.parametrize("coding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("accepted", [None, "gzip", "deflate"])
def test_binary_tensors_pass_the_gateway_compressed_or_not(coding: str | None, accepted: str | None) -> None:
    sent = np.arange(1000, dtype=np.float32)
    raw, headers = binary_request({"x": ("FP32", sent)}, parameters={"binary_data_output": True})
    if coding:
        raw = gzip.compress(raw) if coding == "gzip" else zlib.compress(raw)
        headers["Content-Encoding"] = coding
    answer = ask(raw, headers | ({"Accept-Encoding": accepted} if accepted else {}))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert answer["headers"]["Content-Type"] == "application/octet-stream"
    assert answer["headers"].get("Content-Encoding") == accepted
    content = answer["raw"]
    if accepted:
        assert answer["headers"]["Vary"] == "Accept-Encoding"
        content = gzip.decompress(content) if accepted == "gzip" else zlib.decompress(content)
    length = int(answer["headers"]["Inference-Header-Content-Length"])
    (output,) = json.loads(content[:length])["outputs"]
    tensor = BinaryTensors(content, length).take(
        "y", "FP32", [1000], output["parameters"]["binary_data_size"]
    )
    np.testing.assert_array_equal(tensor, sent)


def test_json_is_compressed_for_who_accepts_that_once_it_is_long() -> None:
    short = ask(BODY, {"Accept-Encoding": "gzip"})
    assert (short["isBase64Encoded"], "Content-Encoding" in short["headers"]) == (False, False)
    answer = ask(rows(1000), {"Accept-Encoding": "gzip, deflate, br"})
    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert answer["headers"]["Content-Type"] == "application/json"
    assert json.loads(gzip.decompress(answer["raw"]))["outputs"][0]["shape"] == [1000, 1]


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (b"{}", {"Content-Encoding": "br"}, 415, "Content-Encoding 'br' is not read"),
        (b"{}", {"Content-Encoding": "gzip"}, 400, "the body is not gzip"),
        (bytes(BODY_LIMIT + 1), {}, 413, "the body is longer than 6291456 bytes"),
        (
            gzip.compress(bytes(BODY_LIMIT + 1), 1),
            {"Content-Encoding": "gzip"},
            413,
            "the body is longer than",
        ),
        (b" " * BODY_LIMIT, {}, 400, "body: expected JSON"),
        (b"{}", {"Inference-Header-Content-Length": "3"}, 400, "Inference-Header-Content-Length: expected"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_status(
    body: bytes, headers: dict[str, str], status: int, told: str
) -> None:
    answer = ask(body, headers)
    assert answer["statusCode"] == status
    error = json.loads(answer["raw"])
    assert list(error) == ["error"]
    assert error["error"].startswith(told)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/boats", 404),
        ("GET", "/v2/models/bikes/nothing", 404),
        ("GET", "/v2/repository/index", 405),
        ("DELETE", "/v2", 405),
        ("POST", "/v2/health/live", 405),
        ("PUT", INFER, 405),
        ("GET", "/v2/models/bikes/versions/9/config", 404),
        ("GET", "/v2/systemsharedmemory/status", 404),
    ],
)
def test_everything_under_v2_is_told_in_the_protocols_form(method: str, path: str, status: int) -> None:
    answer = ask(b"", path=path, method=method)
    assert (answer["statusCode"], list(json.loads(answer["raw"]))) == (status, ["error"])


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", "/models/boats/invocations", {}, 404, "deployment not found"),
        ("POST", "/models/bikes/invocations", {}, 400, "invalid request"),
        ("POST", "/models/bikes/invocations", {"Content-Type": "text/xml"}, 415, "unsupported content type"),
        ("GET", "/models/bikes/invocations", {}, 405, "method not allowed"),
        ("POST", "/predict", {}, 400, "invalid request"),
        ("POST", "/predict/more", {}, 404, "route not found"),
    ],
)
def test_the_simpler_forms_errors_are_problems(
    method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = ask(b"{}", headers, path=path, method=method)
    problem = json.loads(answer["raw"])
    assert (answer["statusCode"], problem["title"]) == (status, code)
    assert answer["headers"]["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v2/models/bikes/config", "/v2/models/bikes/versions/1/config"])
def test_configuration_and_statistics_have_routes(path: str) -> None:
    assert json.loads(ask(None, path=path, method="GET")["raw"])["backend"] == "onnxruntime"
    ask(BODY)
    told = json.loads(ask(None, path=path.replace("config", "stats"), method="GET")["raw"])
    assert told["model_stats"][0]["inference_count"] == 2
    assert json.loads(ask(None, path="/v2/models/stats", method="GET")["raw"]) == told


def test_an_answer_that_is_too_large_is_413() -> None:
    sent = np.zeros(BODY_LIMIT // 4 - 1000, dtype=np.float32)
    raw, headers = binary_request({"x": ("FP32", sent)}, parameters={"binary_data_output": True})
    answer = ask(raw, headers)
    assert answer["statusCode"] == 413
    assert "ask for less at once" in json.loads(answer["raw"])["error"]
