"""What people, judges and code say of a trace."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from shelflife.kernel.ids import Clock, NewId
from shelflife.tracing.changes import TraceBook
from shelflife.tracing.errors import AssessmentNotFoundError, InvalidAssessmentError
from shelflife.tracing.model import Assessment, AssessmentKind, Trace


class Change(NamedTuple):
    """What of an assessment to change; None leaves as it is."""

    name: str | None = None
    #: A new value of this kind, in the fields that a value has.
    kind: AssessmentKind | None = None
    value: Mapping[str, Any] | None = None
    rationale: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AssessmentBook:
    book: TraceBook
    new_id: NewId
    now: Clock

    def create(self, trace_id: str, said: Assessment) -> Assessment:
        """Add an assessment; the one that it overrides is no longer valid.

        Raises:
            AssessmentNotFoundError: what it overrides is not there.
        """
        made = self.made(said)

        def added(known: Trace) -> Trace:
            if made.overrides:
                known = _changed(known, made.overrides, lambda old: replace(old, valid=False))
            others = (other for other in known.assessments if other.assessment_id != made.assessment_id)
            return replace(known, assessments=(*others, made))

        self.book.change(trace_id, added)
        return made

    def made(self, said: Assessment) -> Assessment:
        """The assessment with an id and times, where it was sent without."""
        at = self._milliseconds()
        return replace(
            said,
            assessment_id=said.assessment_id or self.new_id(),
            created_at=said.created_at or at,
            updated_at=said.updated_at or said.created_at or at,
        )

    def get(self, trace_id: str, assessment_id: str) -> Assessment:
        return _found(self.book.get(trace_id), assessment_id)

    def update(self, trace_id: str, assessment_id: str, change: Change) -> Assessment:
        """Change an assessment; metadata is added to.

        Raises:
            AssessmentNotFoundError: it is not there.
            InvalidAssessmentError: the new value is of another kind.
        """

        def updated(old: Assessment) -> Assessment:
            if change.kind is not None and change.kind is not old.kind:
                raise InvalidAssessmentError(change.kind, f"{assessment_id!r} is of kind {old.kind}")
            return replace(
                old,
                name=old.name if change.name is None else change.name,
                rationale=old.rationale if change.rationale is None else change.rationale,
                metadata={**old.metadata, **(change.metadata or {})},
                updated_at=self._milliseconds(),
                **(change.value or {}),
            )

        return _found(
            self.book.change(trace_id, lambda known: _changed(known, assessment_id, updated)), assessment_id
        )

    def delete(self, trace_id: str, assessment_id: str) -> None:
        """Forget an assessment, if it is there; what it overrode is valid again."""

        def without(known: Trace) -> Trace:
            gone = next((said for said in known.assessments if said.assessment_id == assessment_id), None)
            if gone is None:
                return known
            return replace(
                known,
                assessments=tuple(
                    replace(said, valid=True) if said.assessment_id == gone.overrides else said
                    for said in known.assessments
                    if said.assessment_id != assessment_id
                ),
            )

        self.book.change(trace_id, without)

    def _milliseconds(self) -> int:
        return int(self.now().timestamp() * 1000)


def _found(trace: Trace, assessment_id: str) -> Assessment:
    for said in trace.assessments:
        if said.assessment_id == assessment_id:
            return said
    raise AssessmentNotFoundError(trace.trace_id, assessment_id)


def _changed(trace: Trace, assessment_id: str, change: Callable[[Assessment], Assessment]) -> Trace:
    changed = change(_found(trace, assessment_id))
    return replace(
        trace,
        assessments=tuple(
            changed if said.assessment_id == assessment_id else said for said in trace.assessments
        ),
    )
