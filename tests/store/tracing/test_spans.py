from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shelflife.aws.clients import client
from shelflife.tracing.errors import SpansMissingError, SpansUnavailableError
from shelflife.tracing.model import Span
from shelflife.tracing.objects import S3SpanFiles
from shelflife.tracing.ports import SpanFiles
from tests.fakes.tracing import MemorySpanFiles
from tests.harness.cloud import make_bucket


def span(span_id: str, **more: Any) -> Span:
    return Span(
        otel_trace_id="00" * 16, span_id=span_id, parent_id=None, name="größe", start_ns=1, end_ns=2, **more
    )


ROOT = span(
    "0" * 16,
    attributes={"x": [1, 2.5, None, {"y": True}], "n": None},
    events=({"name": "e", "time_unix_nano": 5, "attributes": {"a": "b"}},),
    links=({"trace_id": "00", "span_id": "01", "attributes": {}},),
)


@pytest.fixture(params=["memory", "s3"])
def files(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemorySpanFiles()
    request.getfixturevalue("aws")
    return S3SpanFiles(client("s3"), make_bucket("artifacts"))


def test_spans_come_back_as_they_were_in_the_order_of_their_pieces(files: SpanFiles) -> None:
    first = files.write("t", "h", [ROOT, span("1" * 16)])
    second = files.write("t", "h", [span("2" * 16)])
    assert files.read("t", "h", [first, second]) == [ROOT, span("1" * 16), span("2" * 16)]
    assert files.read("t", "h", [second]) == [span("2" * 16)]


def test_the_same_spans_are_the_same_piece(files: SpanFiles) -> None:
    assert files.write("t", "h", [ROOT]) == files.write("t", "h", [ROOT])
    assert files.write("t", "h", [ROOT]) != files.write("t", "h", [span("1" * 16)])


def test_a_missing_piece_is_told(files: SpanFiles) -> None:
    piece = files.write("t", "h", [ROOT])
    files.remove("t", "h", [piece])
    with pytest.raises(SpansMissingError, match=piece):
        files.read("t", "h", [piece])


def test_what_belongs_to_another_home_stays(files: SpanFiles) -> None:
    old, new = files.write("t", "old", [ROOT]), files.write("t", "new", [ROOT])
    files.remove_all("t", "old")
    assert files.read("t", "new", [new]) == [ROOT]
    with pytest.raises(SpansMissingError):
        files.read("t", "old", [old])


def test_a_store_that_cannot_be_reached_is_told_as_one_that_does_not_answer_now(aws: None) -> None:
    class Unreachable:
        def get_object(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://nowhere")

    unreachable: Any = Unreachable()
    with pytest.raises(SpansUnavailableError, match="EndpointConnectionError"):
        S3SpanFiles(unreachable, "b").read("t", "h", ["p"])


def test_a_store_that_is_overwhelmed_is_told_as_one_that_does_not_answer_now(aws: None) -> None:
    class Overwhelmed:
        def put_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "reduce your rate"}}, "PutObject")

    overwhelmed: Any = Overwhelmed()
    with pytest.raises(SpansUnavailableError, match="SlowDown"):
        S3SpanFiles(overwhelmed, "b").write("t", "h", [ROOT])
