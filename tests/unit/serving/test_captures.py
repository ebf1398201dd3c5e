import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from shelflife.serving.captures import LONGEST_MESSAGE, Capture, CaptureBatch, CapturedRows, CaptureKind
from shelflife.serving.model import is_sampled
from tests.fakes.deployments import served

NOON = datetime(2026, 11, 20, 12, 59, 59, 250_000, tzinfo=UTC)


def capture(rows: int, **inputs: list[Any]) -> Capture:
    return Capture(
        served=served(),
        capture_id="r1",
        captured_at=NOON,
        latency_ms=1.5,
        inputs=inputs or {"x": [0.1 * at for at in range(rows)]},
        outputs={"prediction": [float(at) for at in range(rows)]},
        row_count=rows,
    )


def sent(capture: Capture, longest: int = LONGEST_MESSAGE) -> list[CapturedRows]:
    texts = list(capture.messages(longest))
    assert all(text is not None and len(text.encode()) <= longest for text in texts)
    return [CapturedRows.model_validate_json(text) for text in texts if text is not None]


def test_a_small_request_is_one_message() -> None:
    (message,) = sent(capture(2))
    hour = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert message.batch == CaptureBatch(CaptureKind.CAPTURES, "bikes", 1, "v1", hour)
    assert (message.captured_at, message.first_row, message.row_count) == (NOON, 0, 2)


@pytest.mark.parametrize("rows", [10_000, 9_999])
def test_a_large_request_is_split_by_rows_and_none_is_lost(rows: int) -> None:
    inputs = {f"f{at}": [at + row / 3 for row in range(rows)] for at in range(5)}
    messages = sent(capture(rows, **inputs))
    assert 3 < len(messages) < 15
    assert [message.first_row for message in messages] == sorted({message.first_row for message in messages})
    for name, values in inputs.items():
        assert [value for message in messages for value in message.inputs[name]] == values
    assert len({message.claim_key for message in messages}) == len(messages)


def test_rows_of_very_different_length_are_split_until_they_fit() -> None:
    texts = ["x"] * 500 + ["y" * 900] * 20
    messages = sent(capture(520, t=texts), longest=2000)
    assert [value for message in messages for value in message.inputs["t"]] == texts


def test_one_row_that_is_too_long_is_lost_alone() -> None:
    texts = list(capture(3, t=["a", "ü" * 1000, "c"]).messages(2000))
    assert [text is None for text in texts] == [False, True, False]


def test_missing_values_travel() -> None:
    (text,) = capture(2, x=[None, float("nan")]).messages()
    assert text is not None
    values = CapturedRows.model_validate(json.loads(text)).inputs["x"]
    assert values[0] is None
    assert values[1] != values[1]
    assert CapturedRows.model_validate_json(text).row_count == 2


def test_sampling_is_decided_by_the_id_and_grows_with_the_rate() -> None:
    ids = [f"request-{at}" for at in range(2000)]
    taken = [{one for one in ids if is_sampled(one, rate)} for rate in (0, 0.1, 0.5, 0.9, 1)]
    assert [pytest.approx(len(one) / 2000, abs=0.03) for one in taken] == [0, 0.1, 0.5, 0.9, 1]
    assert all(less <= more for less, more in pairwise(taken))
