"""Answers that are given again: in this process first, then from where all instances look.

What is kept elsewhere is written after the answer went out (`flush`); until then it waits here.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from shelflife.serving.answer_forms import AnswerUnreadableError, from_bytes, to_bytes

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array

#: An item of DynamoDB has 400 KB, with its names.
LONGEST_ANSWER = 350 * 1024
#: No more answers than these wait to be written.
MOST_WAITING = 100
#: What an answer takes beside its arrays, about.
_OVERHEAD = 500


class SharedAnswers(Protocol):
    """Bytes by key that all instances share; both fail nothing, and wait for a bounded time only."""

    def read(self, key: str) -> tuple[bytes, float] | None:
        """The bytes and when they are to be forgotten, in seconds since 1970."""

    def write(self, key: str, content: bytes, until: float) -> None: ...


class _Kept(NamedTuple):
    answer: "list[Array]"
    size: int
    until: float


class AnswerCache:
    """`budget_bytes` bound what is kept in memory; who was not asked for longest goes first."""

    def __init__(self, shared: SharedAnswers, budget_bytes: int, seconds: Callable[[], float]) -> None:
        """Keep answers by a clock of seconds since 1970."""
        self._shared = shared
        self._budget = budget_bytes
        self._seconds = seconds
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._waiting: dict[str, tuple[bytes, float]] = {}
        self._lock = Lock()

    def find(self, key: str) -> "list[Array] | None":
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.until > self._seconds():
                self._kept.move_to_end(key)
                return kept.answer
        return self._shared_answer(key)

    def keep(self, key: str, answer: "list[Array]", ttl_seconds: int) -> None:
        until = self._seconds() + ttl_seconds
        for array in answer:
            array.setflags(write=False)
        self._remember(key, answer, until)
        content = to_bytes(answer)
        if content is not None and len(content) <= LONGEST_ANSWER and len(self._waiting) < MOST_WAITING:
            self._waiting[key] = (content, until)

    def flush(self) -> None:
        """Write what waits to where all instances look."""
        while self._waiting:
            key, (content, until) = self._waiting.popitem()
            self._shared.write(key, content, until)

    def _shared_answer(self, key: str) -> "list[Array] | None":
        found = self._shared.read(key)
        if found is None or found[1] <= self._seconds():
            return None
        try:
            answer = from_bytes(found[0])
        except AnswerUnreadableError:
            return None
        self._remember(key, answer, found[1])
        return answer

    def _remember(self, key: str, answer: "list[Array]", until: float) -> None:
        size = _OVERHEAD + sum(_size(array) for array in answer)
        with self._lock:
            self._forget(key)
            if size > self._budget:
                return
            self._kept[key] = _Kept(answer, size, until)
            self._bytes += size
            while self._bytes > self._budget:
                self._forget(next(iter(self._kept)))

    def _forget(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.size


def _size(array: "Array") -> int:
    """Text counts with what Python needs for it, about."""
    if array.dtype != np.dtype(object):
        return array.nbytes
    return sum(60 + 4 * len(str(value)) for value in array.ravel().tolist())
