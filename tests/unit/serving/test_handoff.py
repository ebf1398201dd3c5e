"""No capture is lost while its queue fails for a while, and no answer waits long for it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shelflife.serving.captures import (
    LONGEST_MESSAGE,
    LONGEST_SHADOW_REQUEST,
    Capture,
    CapturedRows,
    ShadowRequest,
)
from shelflife.serving.handoff import CAPTURE_BYTES, FLUSH_SECONDS, HandOff
from shelflife.serving.spill import LONGEST_REST, MOST_TRIES, SLOW_SECONDS, HandedOver, Spill
from tests.fakes.deployments import served
from tests.fakes.queues import MemoryQueue

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def capture(capture_id: str = "r1", rows: int = 1, value: Any = 0.5) -> Capture:
    return Capture(
        served=served(),
        capture_id=capture_id,
        captured_at=NOON,
        latency_ms=1.5,
        inputs=lambda: {"x": [value] * rows},
        outputs=lambda: {"prediction": [1.0] * rows},
        row_count=rows,
    )


@pytest.fixture
def captures() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def hand_off(captures: MemoryQueue) -> HandOff:
    return HandOff(captures, MemoryQueue(), captures.seconds)


def ids(queue: MemoryQueue) -> list[str]:
    return [json.loads(text)["capture_id"] for text in queue.taken]


def test_nothing_leaves_before_the_flush_and_everything_with_it(
    captures: MemoryQueue, hand_off: HandOff
) -> None:
    for at in range(25):
        hand_off.send(capture(f"r{at}"))
    assert captures.calls == []
    assert hand_off.flush() == HandedOver(sent=25)
    assert (ids(captures), len(captures.calls)) == ([f"r{at}" for at in range(25)], 3)
    assert CapturedRows.model_validate_json(captures.taken[0]).inputs == {"x": [0.5]}
    assert hand_off.flush() == HandedOver()


def test_messages_together_are_not_longer_than_one_may_be(captures: MemoryQueue, hand_off: HandOff) -> None:
    for at in range(3):
        hand_off.send(capture(f"r{at}", value="x" * (LONGEST_MESSAGE // 2)))
    assert hand_off.flush().sent == 3
    assert len(captures.calls) == 3


def test_a_queue_that_is_away_for_some_seconds_gets_everything_once_it_is_back(
    captures: MemoryQueue, hand_off: HandOff
) -> None:
    captures.away_until = 20.0
    sent: list[str] = []
    dropped = 0
    while captures.now < 60:
        sent.append(f"r{len(sent)}")
        hand_off.send(capture(sent[-1]))
        dropped += hand_off.flush().dropped
        captures.now += 0.1
    assert (sorted(ids(captures)), dropped) == (sorted(sent), 0)


def test_a_queue_that_is_away_is_asked_ever_more_seldom(captures: MemoryQueue, hand_off: HandOff) -> None:
    captures.away_until = 1e9
    for _ in range(3000):
        hand_off.send(capture())
        hand_off.flush()
        captures.now += 0.1
    gaps = [later - earlier for earlier, later in zip(captures.calls, captures.calls[1:], strict=False)]
    assert gaps[:5] == pytest.approx([1, 2, 4, 8, 16], abs=0.11)
    assert gaps[-1] == pytest.approx(LONGEST_REST, abs=0.11)


def test_what_waits_has_its_limit_and_what_is_lost_is_counted_once(
    captures: MemoryQueue, hand_off: HandOff
) -> None:
    captures.away_until = 1e9
    size = 100_000
    for _ in range(100):
        hand_off.send(capture(value="x" * size))
    told = hand_off.flush()
    assert told.waiting == CAPTURE_BYTES // (size + 300)
    assert told.dropped == 100 - told.waiting
    assert hand_off.flush() == HandedOver(waiting=told.waiting)
    captures.away_until, captures.now = 0.0, 100.0
    assert hand_off.flush().sent == told.waiting
    hand_off.send(capture())
    assert hand_off.flush() == HandedOver(sent=1)


def test_what_the_queue_does_not_take_is_tried_again_and_given_up_in_the_end(
    captures: MemoryQueue, hand_off: HandOff
) -> None:
    captures.hates = lambda text: '"hated"' in text
    for capture_id in ("a", "hated", "b"):
        hand_off.send(capture(capture_id))
    assert hand_off.flush() == HandedOver(sent=2, waiting=1)
    told: list[HandedOver] = []
    while len(told) < MOST_TRIES - 1:
        captures.now += LONGEST_REST
        told.append(hand_off.flush())
    assert told[-1] == HandedOver(dropped=1)
    assert {one.waiting for one in told[:-1]} == {1}
    assert ids(captures) == ["a", "b"]


def test_a_message_that_failed_once_leaves_with_the_next(captures: MemoryQueue, hand_off: HandOff) -> None:
    captures.hates = lambda text: '"a"' in text
    hand_off.send(capture("a"))
    assert hand_off.flush().waiting == 1
    captures.hates = lambda _: False
    captures.now += 1
    hand_off.send(capture("b"))
    assert hand_off.flush() == HandedOver(sent=2)
    assert ids(captures) == ["a", "b"]


def test_what_is_refused_for_good_is_not_tried_again(captures: MemoryQueue, hand_off: HandOff) -> None:
    captures.refuses = lambda text: '"a"' in text
    hand_off.send(capture("a"))
    hand_off.send(capture("b"))
    assert hand_off.flush() == HandedOver(sent=1, dropped=1)


def test_a_slow_queue_takes_little_of_the_time_of_the_answers(
    captures: MemoryQueue, hand_off: HandOff
) -> None:
    captures.call_seconds = 0.9
    waits = []
    for _ in range(2000):
        hand_off.send(capture())
        began = captures.now
        hand_off.flush()
        waits.append(captures.now - began)
        captures.now += 0.05
    assert max(waits) <= FLUSH_SECONDS + 0.9
    assert sum(waits) / captures.now < 0.12


def test_a_backlog_leaves_in_stretches_that_no_answer_waits_long_for(
    captures: MemoryQueue, hand_off: HandOff
) -> None:
    captures.call_seconds = SLOW_SECONDS / 5
    for at in range(200):
        hand_off.send(capture(f"r{at}"))
    first = hand_off.flush()
    assert captures.now <= FLUSH_SECONDS + captures.call_seconds + 1e-9
    assert 0 < first.sent < 200
    while hand_off.flush().waiting:
        pass
    assert len(captures.taken) == 200


def test_shadows_that_fail_do_not_hold_captures_back(captures: MemoryQueue) -> None:
    shadows = MemoryQueue(away_until=1e9)
    hand_off = HandOff(captures, shadows, captures.seconds)
    hand_off.send_to_shadows(capture(), ["next"])
    hand_off.send(capture())
    assert hand_off.flush() == HandedOver(sent=1, waiting=1)


def test_a_shadows_request_says_who_is_to_answer_and_fits_with_its_answer() -> None:
    shadows = MemoryQueue()
    hand_off = HandOff(MemoryQueue(), shadows, shadows.seconds)
    hand_off.send_to_shadows(capture(rows=20_000), ["next", "other"])
    assert hand_off.flush().waiting == 0
    parts = [ShadowRequest.model_validate_json(text) for text in shadows.taken]
    assert max(map(len, shadows.taken)) <= LONGEST_SHADOW_REQUEST
    assert {part.shadows for part in parts} == {("next", "other")}
    assert sum(part.row_count for part in parts) == 20_000


def test_values_without_a_json_form_cost_only_their_capture(captures: MemoryQueue, hand_off: HandOff) -> None:
    hand_off.send(capture("a", value=object()))
    hand_off.send(capture("b"))
    assert hand_off.flush() == HandedOver(sent=1, dropped=1)


def test_a_row_that_is_too_long_for_any_message_is_lost_alone(
    captures: MemoryQueue, hand_off: HandOff
) -> None:
    hand_off.send(capture("a", value="x" * LONGEST_MESSAGE))
    hand_off.send(capture("b"))
    assert hand_off.flush() == HandedOver(sent=1, dropped=1)


def test_waiting_messages_keep_their_order() -> None:
    queue = MemoryQueue(away_until=1.5)
    spill = Spill(queue, 1000, queue.seconds)
    spill.add([str(at) for at in range(25)])
    spill.flush(0.1)
    queue.now = 2.0
    assert spill.flush(3.0).sent == 25
    assert queue.taken == [str(at) for at in range(25)]
