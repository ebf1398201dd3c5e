"""Messages that wait in memory for their queue: nothing is lost while it fails, and nothing waits for it.

Waiting messages are tried again with the next flush, unless the queue failed a moment ago, or was slow: then
it is left alone for a while, so that a queue in trouble costs an answer now and then, not every one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol, TypeVar

from shelflife.serving.captures import LONGEST_MESSAGE
from shelflife.serving.errors import QueueUnavailableError

T = TypeVar("T")
#: What SQS takes at once.
MOST_AT_ONCE = 10
#: Of a message that the queue does not take while it takes others.
MOST_TRIES = 5
#: After a failure the queue is left alone for so long, after each further one twice as long, up to the most.
SHORTEST_REST = 1.0
LONGEST_REST = 30.0
#: A call that takes longer than this is slow: so many times its length pass before the next.
SLOW_SECONDS = 0.25
_REST_PER_SECOND = 10


class Fate(Enum):
    SENT = auto()
    FAILED = auto()
    REFUSED = auto()


class Queue(Protocol):
    def put(self, texts: Sequence[str]) -> list[Fate]:
        """Send the messages, ten at the most; what became of each.

        Raises:
            QueueUnavailableError: nobody knows what became of them: none may have been sent, or all.
        """


class HandedOver(NamedTuple):
    """Messages that left, that wait for the next flush, and that are lost."""

    sent: int = 0
    waiting: int = 0
    dropped: int = 0

    def plus(self, other: "HandedOver") -> "HandedOver":
        return HandedOver(*map(sum, zip(self, other, strict=True)))


def batches(messages: Iterable[T], length: Callable[[T], int]) -> Iterator[list[T]]:
    """The messages in order, as many together as SQS takes at once."""
    batch: list[T] = []
    size = 0
    for message in messages:
        size += length(message)
        if batch and (size > LONGEST_MESSAGE or len(batch) == MOST_AT_ONCE):
            yield batch
            batch, size = [], length(message)
        batch.append(message)
    if batch:
        yield batch


class _Message:
    __slots__ = ("text", "tries")

    def __init__(self, text: str) -> None:
        self.text = text
        self.tries = 0


class Spill:
    """What waits for one queue, up to so many bytes; used by one thread at a time."""

    def __init__(self, queue: Queue, most_bytes: int, seconds: Callable[[], float]) -> None:
        """`seconds` is a clock that only runs forward."""
        self._queue = queue
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._waiting: deque[_Message] = deque()
        self._bytes = 0
        self._dropped = 0
        self._rest_until = 0.0
        self._rest = 0.0

    def add(self, texts: Iterable[str | None]) -> None:
        """Let the messages wait; those that are too long for any queue (None), or for the room, are lost."""
        for text in texts:
            if text is None or self._bytes + len(text) > self._most_bytes:
                self._dropped += 1
            else:
                self._waiting.append(_Message(text))
                self._bytes += len(text)

    def flush(self, until: float) -> HandedOver:
        """Send what waits; no call begins after `until` by the clock, nor while the queue is left alone."""
        sent = 0
        while self._waiting and self._rest_until <= self._seconds() < until:
            sent += self._send(self._next_batch())
        dropped, self._dropped = self._dropped, 0
        return HandedOver(sent, len(self._waiting), dropped)

    def drop(self, count: int) -> None:
        """Count messages that could not even be made."""
        self._dropped += count

    def _next_batch(self) -> list[_Message]:
        batch = next(batches(self._waiting, lambda message: len(message.text)))
        for _ in batch:
            self._waiting.popleft()
        return batch

    def _send(self, batch: Sequence[_Message]) -> int:
        began = self._seconds()
        try:
            fates = self._queue.put([message.text for message in batch])
        except QueueUnavailableError:
            self._waiting.extendleft(reversed(batch))
            self._leave_alone()
            return 0
        took = self._seconds() - began
        pairs = zip(batch, fates, strict=True)
        again = [message for message, fate in pairs if not self._is_done(message, fate)]
        self._waiting.extendleft(reversed(again))
        if again:
            self._leave_alone()
        else:
            self._rest = 0.0
            if took > SLOW_SECONDS:
                self._rest_until = self._seconds() + took * _REST_PER_SECOND
        return fates.count(Fate.SENT)

    def _is_done(self, message: _Message, fate: Fate) -> bool:
        """Whether nothing more is to be tried with the message."""
        message.tries += 1
        lost = fate is Fate.REFUSED or (fate is Fate.FAILED and message.tries >= MOST_TRIES)
        if lost:
            self._dropped += 1
        if lost or fate is Fate.SENT:
            self._bytes -= len(message.text)
            return True
        return False

    def _leave_alone(self) -> None:
        self._rest = max(SHORTEST_REST, min(2 * self._rest, LONGEST_REST))
        self._rest_until = self._seconds() + self._rest
