"""What tracing says no with; MLflow's clients know each by its status."""

from shelflife.kernel.errors import (
    ConflictError,
    FieldFault,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class TraceNotFoundError(NotFoundError):
    def __init__(self, trace_id: str) -> None:
        super().__init__(f"there is no trace with id {trace_id!r}")


class TraceNotCompleteError(NotFoundError):
    def __init__(self, trace_id: str) -> None:
        super().__init__(f"trace {trace_id!r} is not fully exported yet: try again later")


class TraceTagNotFoundError(NotFoundError):
    def __init__(self, trace_id: str, key: str) -> None:
        super().__init__(f"trace {trace_id!r} has no tag {key!r}")


class AssessmentNotFoundError(NotFoundError):
    def __init__(self, trace_id: str, assessment_id: str) -> None:
        super().__init__(f"trace {trace_id!r} has no assessment {assessment_id!r}")


class TraceRaceLostError(ConflictError):
    """Somebody else changed the trace after it was read; read it again."""


class TraceBusyError(UnavailableError):
    def __init__(self, trace_id: str) -> None:
        super().__init__(f"trace {trace_id!r} is being changed by too many callers at once: try again")


class TraceTooLargeError(InvalidError):
    def __init__(self, trace_id: str, size: int, limit: int) -> None:
        super().__init__(
            f"tags, metadata and assessments of trace {trace_id!r} would take {size} bytes (compressed), "
            f"the limit is {limit}"
        )


class SpansUnavailableError(UnavailableError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the store of spans does not answer now: {reason}")


class SpansMissingError(UnavailableError):
    """A file of spans is gone: its trace has changed, or is deleted; read it again."""

    def __init__(self, trace_id: str, piece: str) -> None:
        super().__init__(f"spans {piece!r} of trace {trace_id!r} were replaced while they were read")


class InvalidSpansError(InvalidError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"this is no OTLP export of traces: {reason}", [FieldFault("body", reason)])


class InvalidSpanFileError(InvalidError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"this is no file of spans: {reason}", [FieldFault("body", reason)])


class InvalidSpansTypeError(InvalidError):
    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content-Type is {content_type!r}, expected application/x-protobuf or application/json"
        )


class InvalidExperimentIdError(InvalidError):
    def __init__(self, experiment_id: str) -> None:
        message = f"experiment id {experiment_id!r} is no number"
        super().__init__(message, [FieldFault("experiment_id", message)])


class ProtectedTraceTagError(InvalidError):
    def __init__(self, key: str) -> None:
        super().__init__(f"tag {key!r} is kept by the server and cannot be changed")


class InvalidTraceDeletionError(InvalidError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"which traces to delete: {reason}")


class TooManyTraceRunsError(InvalidError):
    def __init__(self, trace_id: str, limit: int) -> None:
        super().__init__(f"trace {trace_id!r} is linked to {limit} runs already, which is the limit")


class InvalidAssessmentError(InvalidError):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"assessment: {field}: {reason}", [FieldFault(f"assessment.{field}", reason)])


class InvalidTraceMetricsError(InvalidError):
    def __init__(self, field: str, value: str, expected: str) -> None:
        message = f"{field} is {value!r}, expected {expected}"
        super().__init__(message, [FieldFault(field, message)])
