"""A queue that takes what it is given, with the weather that real ones have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shelflife.serving.errors import QueueUnavailableError
from shelflife.serving.spill import Fate


@dataclass
class MemoryQueue:
    """`seconds` is the clock of the test: calls take `call_seconds` of it.

    It is away until `away_until`; of the messages that `hates` says, it takes none, and `refuses` says those
    that nobody could take.
    """

    now: float = 0.0
    call_seconds: float = 0.0
    away_until: float = 0.0
    hates: Callable[[str], bool] = lambda _: False
    refuses: Callable[[str], bool] = lambda _: False
    taken: list[str] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)

    def seconds(self) -> float:
        return self.now

    def put(self, texts: Sequence[str]) -> list[Fate]:
        assert 1 <= len(texts) <= 10
        self.calls.append(self.now)
        self.now += self.call_seconds
        if self.now < self.away_until:
            raise QueueUnavailableError("memory", "it is away")
        return [self._take(text) for text in texts]

    def _take(self, text: str) -> Fate:
        if self.refuses(text):
            return Fate.REFUSED
        if self.hates(text):
            return Fate.FAILED
        self.taken.append(text)
        return Fate.SENT
