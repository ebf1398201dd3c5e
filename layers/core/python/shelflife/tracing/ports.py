from collections.abc import Iterator, Sequence
from typing import Protocol

from shelflife.tracing.model import Place, Shelf, Span, Trace, Window


class Traces(Protocol):
    """Traces by id, and in the order of their time."""

    def find(self, trace_id: str) -> Trace | None: ...

    def find_many(self, trace_ids: Sequence[str]) -> list[Trace]:
        """Those of them that are there, in the order asked for, each once."""

    def add(self, trace: Trace) -> None:
        """Keep a new trace.

        Raises:
            TraceRaceLostError: there is one of this id.
            TraceTooLargeError: it does not fit.
        """

    def replace(self, trace: Trace, former: Trace) -> None:
        """Keep the trace as it is now; `former` must be as it is stored, and its revision goes up.

        Raises:
            TraceRaceLostError: somebody else changed it since it was read.
            TraceTooLargeError: it no longer fits.
        """

    def remove(self, trace: Trace) -> None:
        """Forget the trace, and remember that its spans are left over.

        Raises:
            TraceRaceLostError: somebody else changed it since it was read.
        """

    def newest(
        self, shelf: Shelf, window: Window, after: Place | None = None, *, some: int = 1000
    ) -> Iterator[Trace]:
        """The shelf's traces in order, those after the place, read `some` at a time while asked for."""

    def left_over(self) -> list[tuple[str, str]]:
        """Trace ids and homes of removed traces whose spans are still there; a few of them."""

    def forget_left_over(self, trace_id: str, home: str) -> None: ...

    def forget_days(self, experiment_id: str) -> None:
        """Forget which days of the experiment, which is being removed, have traces: none."""


class SpanFiles(Protocol):
    """Spans of a trace in pieces, whose names follow from what they hold."""

    def write(self, trace_id: str, home: str, spans: Sequence[Span]) -> str:
        """Keep the spans; the answer is the piece's name."""

    def read(self, trace_id: str, home: str, pieces: Sequence[str]) -> list[Span]:
        """Spans of all the pieces, in their order.

        Raises:
            SpansMissingError: a piece is not there.
        """

    def keep_file(self, trace_id: str, home: str, body: bytes) -> None:
        """Keep a file as its client uploaded it, in place of an older one."""

    def file(self, trace_id: str, home: str) -> bytes | None:
        """The file that a client uploaded, if one did."""

    def remove(self, trace_id: str, home: str, pieces: Sequence[str]) -> None: ...

    def remove_all(self, trace_id: str, home: str) -> None:
        """Remove all pieces for good, with all that storage keeps of them."""
