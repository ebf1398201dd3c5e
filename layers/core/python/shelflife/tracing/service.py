"""Traces without their spans: told by clients, tagged and linked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shelflife.tracing.changes import TraceBook
from shelflife.tracing.errors import (
    InvalidExperimentIdError,
    ProtectedTraceTagError,
    TooManyTraceRunsError,
    TraceNotFoundError,
    TraceTagNotFoundError,
)
from shelflife.tracing.model import ARTIFACT_ROOT, Metadata, Tag, Trace

_MOST_RUNS = 30
_LONGEST_ID = 32
_PROTECTED = frozenset(
    {Tag.SPANS, Tag.ARTIFACTS, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"}
)


@dataclass(frozen=True, slots=True)
class Tracing:
    book: TraceBook

    def start(self, told: Trace) -> Trace:
        """Keep what a client says of a whole trace; what spans said before stays where it is silent."""
        checked_experiment(told.experiment_id)
        told = replace(
            told,
            tags={**told.tags, **kept_tags(told)},
            metadata={**told.metadata, Metadata.FINAL: "true"},
        )

        def attempt() -> Trace:
            known = self.book.traces.find(told.trace_id)
            return self.book.keep(told if known is None else _merged(known, told), known)

        return self.book.persist(told.trace_id, attempt)

    def begin(self, told: Trace) -> Trace:
        """Keep a trace that its client will end later, as clients before 3 do; its spans are an artifact."""
        checked_experiment(told.experiment_id)
        artifacts = {Tag.ARTIFACTS: kept_tags(told)[Tag.ARTIFACTS]}
        return self.book.keep(replace(told, tags={**told.tags, **artifacts}), None)

    def end(self, trace_id: str, ended: Callable[[Trace], Trace]) -> Trace:
        return self.book.change(trace_id, ended)

    def get(self, trace_id: str) -> Trace:
        return self.book.get(trace_id)

    def get_many(self, trace_ids: Sequence[str], experiment_ids: Sequence[str] = ()) -> list[Trace]:
        """Those of the traces that are there, and in one of the experiments if some are named."""
        found = self.book.traces.find_many(trace_ids)
        if not experiment_ids:
            return found
        return [trace for trace in found if trace.experiment_id in experiment_ids]

    def set_tag(self, trace_id: str, key: str, value: str) -> None:
        _check_mutable(key)
        self.book.change(trace_id, lambda known: replace(known, tags={**known.tags, key: value}))

    def delete_tag(self, trace_id: str, key: str) -> None:
        def without(known: Trace) -> Trace:
            if key not in known.tags:
                raise TraceTagNotFoundError(trace_id, key)
            return replace(known, tags={kept: value for kept, value in known.tags.items() if kept != key})

        _check_mutable(key)
        self.book.change(trace_id, without)

    def link_to_run(self, trace_ids: Sequence[str], run_id: str) -> None:
        """Let the traces be found by the run; those that are not there are passed over."""

        def linked(known: Trace) -> Trace:
            if run_id in known.runs:
                return known
            if len(known.runs) >= _MOST_RUNS:
                raise TooManyTraceRunsError(known.trace_id, _MOST_RUNS)
            return replace(known, runs=(*known.runs, run_id))

        for found in self.book.traces.find_many(trace_ids):
            try:
                self.book.change(found.trace_id, linked)
            except TraceNotFoundError:
                continue  # deleted meanwhile

    def link_prompts(self, trace_id: str, prompts: Sequence[str]) -> None:
        """Let the trace be found by versions of prompts, each named ``name/version``."""
        self.book.change(
            trace_id, lambda known: replace(known, prompts=tuple(dict.fromkeys((*known.prompts, *prompts))))
        )


def kept_tags(trace: Trace) -> dict[str, str]:
    """Tags that say where the rest of a trace is: spans with us, what was attached with the artifacts."""
    location = f"{ARTIFACT_ROOT}{trace.experiment_id}/traces/{trace.trace_id}/artifacts"
    return {Tag.SPANS: "TRACKING_STORE", Tag.ARTIFACTS: location}


def checked_experiment(experiment_id: str) -> str:
    """The id itself.

    Raises:
        InvalidExperimentIdError: no experiment can have it.
    """
    if not (experiment_id.isascii() and experiment_id.isdecimal() and len(experiment_id) <= _LONGEST_ID):
        raise InvalidExperimentIdError(experiment_id)
    return experiment_id


def _merged(known: Trace, told: Trace) -> Trace:
    """What is told now goes before what was known, but for assessments and links, which are added to."""
    said = {said.assessment_id: said for said in (*known.assessments, *told.assessments)}
    return replace(
        told,
        home=known.home,
        revision=known.revision,
        request_preview=known.request_preview if told.request_preview is None else told.request_preview,
        response_preview=known.response_preview if told.response_preview is None else told.response_preview,
        metadata={**known.metadata, **told.metadata},
        tags={**known.tags, **told.tags},
        assessments=tuple(said.values()),
        runs=known.runs,
        prompts=known.prompts,
        pieces=known.pieces,
        digests=known.digests,
        digested=known.digested,
    )


def _check_mutable(key: str) -> None:
    if key in _PROTECTED:
        raise ProtectedTraceTagError(key)
