"""Captures leave once the answer is made: until then, handing one over is a note in memory."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock

from shelflife.serving.captures import LONGEST_MESSAGE, LONGEST_SHADOW_REQUEST, Capture
from shelflife.serving.spill import HandedOver, Queue, Spill

#: Messages that wait for a queue that fails, in bytes: some minutes of small requests.
CAPTURE_BYTES = 8 * 1024 * 1024
SHADOW_BYTES = 4 * 1024 * 1024
#: No call to a queue begins later than this after a flush began.
FLUSH_SECONDS = 0.25


class HandOff:
    """Messages are made and sent by `flush`, which whoever has answered calls, in any thread."""

    def __init__(self, captures: Queue, shadows: Queue, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._captures = Spill(captures, CAPTURE_BYTES, seconds)
        self._shadows = Spill(shadows, SHADOW_BYTES, seconds)
        self._fresh: deque[tuple[Spill, Capture, int]] = deque()
        self._flushing = Lock()

    def send(self, capture: Capture) -> None:
        self._fresh.append((self._captures, capture, LONGEST_MESSAGE))

    def send_to_shadows(self, capture: Capture, names: Sequence[str]) -> None:
        self._fresh.append((self._shadows, capture.for_shadows(names), LONGEST_SHADOW_REQUEST))

    def flush(self) -> HandedOver:
        """Send what was handed over, and what waits from before."""
        with self._flushing:
            while self._fresh:
                spill, capture, longest = self._fresh.popleft()
                try:
                    spill.add(capture.messages(longest))
                except (TypeError, ValueError, RecursionError):
                    # Values that have no JSON: the answer had none of them.
                    spill.drop(1)
            until = self._seconds() + FLUSH_SECONDS
            return self._captures.flush(until).plus(self._shadows.flush(until))
