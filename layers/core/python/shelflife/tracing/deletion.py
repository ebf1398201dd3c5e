"""Deleting traces: the trace first, then its spans, so that nobody finds one without the other."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from shelflife.tracing.changes import TraceBook
from shelflife.tracing.errors import InvalidTraceDeletionError, TraceRaceLostError
from shelflife.tracing.model import ALWAYS, Shelf, Trace, Window
from shelflife.tracing.ports import SpanFiles
from shelflife.tracing.removal_tasks import RemoveTraces, TracesRemoved
from shelflife.tracing.service import checked_experiment

#: One call deletes no more than what fits into its time; the caller is told how many, and calls again.
MOST_AT_ONCE = 3000
_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Deletion:
    """Which traces of an experiment to delete: these, or so many of the oldest until a time."""

    experiment_id: str
    trace_ids: tuple[str, ...] = ()
    until: int | None = None
    most: int | None = None

    def check(self) -> None:
        """Look whether it says one thing.

        Raises:
            InvalidTraceDeletionError: it says none, or two.
        """
        if self.trace_ids and (self.until is not None or self.most is not None):
            raise InvalidTraceDeletionError("trace ids and a time or number of them exclude each other")
        if not self.trace_ids and self.until is None:
            raise InvalidTraceDeletionError("neither max_timestamp_millis nor trace ids were sent")
        if self.most is not None and self.most <= 0:
            raise InvalidTraceDeletionError(f"max_traces is {self.most}, expected more than 0")


@dataclass(frozen=True, slots=True)
class Deletions:
    book: TraceBook
    files: SpanFiles

    def delete(self, deletion: Deletion) -> int:
        """Delete traces and their spans; the answer is how many there were."""
        checked_experiment(deletion.experiment_id)
        deletion.check()
        self.sweep()
        return self._all_deleted(self._chosen(deletion))

    def remove_experiment(self, asked: RemoveTraces) -> TracesRemoved:
        """Delete some of an experiment's traces, or all that are left; of a dry run, count them.

        When none is left, nothing tells any more that there were any.
        """
        traces = self.book.traces
        if asked.dry_run:
            found = traces.newest(Shelf(asked.experiment_id), ALWAYS)
            return TracesRemoved(removed=sum(1 for _ in found), more=False)
        self.sweep()
        some = list(islice(traces.newest(Shelf(asked.experiment_id), ALWAYS), MOST_AT_ONCE))
        removed = asked.removed + self._all_deleted(some)
        if not some:
            traces.forget_days(asked.experiment_id)
        return TracesRemoved(removed=removed, more=bool(some))

    def sweep(self) -> None:
        """Delete spans that a deletion left over when it was cut off."""
        for trace_id, home in self.book.traces.left_over():
            self._forget_spans(trace_id, home)

    def _chosen(self, deletion: Deletion) -> list[Trace]:
        traces = self.book.traces
        if deletion.trace_ids:
            found = traces.find_many(deletion.trace_ids)
            return [trace for trace in found if trace.experiment_id == deletion.experiment_id]
        window = Window(0, deletion.until or 0)
        most = min(deletion.most or MOST_AT_ONCE, MOST_AT_ONCE)
        return list(deque(traces.newest(Shelf(deletion.experiment_id), window), maxlen=most))

    def _all_deleted(self, traces: Iterable[Trace]) -> int:
        with ThreadPoolExecutor(_TOGETHER) as pool:
            return sum(pool.map(self._deleted, traces))

    def _deleted(self, trace: Trace) -> bool:
        """Whether it was this call that deleted it."""

        def attempt() -> bool:
            try:
                self.book.traces.remove(trace)
            except TraceRaceLostError:
                found = self.book.traces.find(trace.trace_id)
                if found is None or found.home != trace.home:
                    return False
                self.book.traces.remove(found)
            return True

        deleted = self.book.persist(trace.trace_id, attempt)
        if deleted:
            self._forget_spans(trace.trace_id, trace.home)
        return deleted

    def _forget_spans(self, trace_id: str, home: str) -> None:
        self.files.remove_all(trace_id, home)
        self.book.traces.forget_left_over(trace_id, home)
