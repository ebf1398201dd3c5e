"""Changes of a trace that somebody else may be changing, too."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from shelflife.kernel.ids import NewId
from shelflife.tracing.errors import TraceBusyError, TraceNotFoundError, TraceRaceLostError
from shelflife.tracing.model import Trace
from shelflife.tracing.ports import Traces

T = TypeVar("T")
ATTEMPTS = 12
#: Seconds that a lost race is waited out for, and as much longer each time.
BREATH = 0.005


@dataclass(frozen=True, slots=True)
class TraceBook:
    traces: Traces
    new_id: NewId
    pause: Callable[[float], None]

    def get(self, trace_id: str) -> Trace:
        """The trace.

        Raises:
            TraceNotFoundError: there is none.
        """
        trace = self.traces.find(trace_id)
        if trace is None:
            raise TraceNotFoundError(trace_id)
        return trace

    def change(self, trace_id: str, change: Callable[[Trace], Trace]) -> Trace:
        """The trace after the change, which is made again when somebody else was first.

        Raises:
            TraceNotFoundError: there is none.
        """

        def attempt() -> Trace:
            known = self.get(trace_id)
            return self.keep(change(known), known)

        return self.persist(trace_id, attempt)

    def keep(self, changed: Trace, known: Trace | None) -> Trace:
        """Keep what was made of `known`, or of nothing; the answer is it as it is kept.

        Raises:
            TraceRaceLostError: somebody else was first.
        """
        if changed == known:
            return changed
        if known is not None:
            self.traces.replace(changed, known)
            return replace(changed, revision=known.revision + 1)
        made = changed if changed.home else replace(changed, home=self.new_id())
        self.traces.add(made)
        return made

    def persist(self, trace_id: str, attempt: Callable[[], T]) -> T:
        """What the attempt answers once it loses no race.

        Raises:
            TraceBusyError: it loses every one.
        """
        for count in range(ATTEMPTS):
            try:
                return attempt()
            except TraceRaceLostError:
                self.pause(BREATH * count)
        raise TraceBusyError(trace_id)
