from collections.abc import Sequence

from shelflife.kernel.errors import (
    ConflictError,
    FieldFault,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class TrainingJobNotFoundError(NotFoundError):
    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no training job with id {job_id!r}")


class TrainingJobExistsError(ConflictError):
    def __init__(self, job_id: str) -> None:
        super().__init__(f"a training job with id {job_id!r} exists already")


class TrainingJobOverError(ConflictError):
    """A final state stays as it is, whatever arrives late."""

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(f"training job {job_id!r} is {state} already")


class TrainingJobChangedError(ConflictError):
    """Somebody else was first; the workflow asks again."""

    def __init__(self, job_id: str, expected: str) -> None:
        super().__init__(f"training job {job_id!r} is no longer {expected}")


class IdempotencyKeyReusedError(ConflictError):
    def __init__(self, key: str, job_id: str) -> None:
        super().__init__(f"idempotency key {key!r} was used for another plan, by job {job_id!r}")


class PlanRefusedError(InvalidError):
    """The plan cannot be trained from the dataset version; every reason is one fault."""

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        told = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
        super().__init__(f"the training plan was refused: {told}", faults)


class NoPlanToRepeatError(NotFoundError):
    def __init__(self, model_name: str) -> None:
        super().__init__(f"no training job has led to a registered version of model {model_name!r}")


class RetrainingStartedError(ConflictError):
    """The news was delivered again: another execution has taken it."""

    def __init__(self, event_id: str, job_id: str) -> None:
        super().__init__(f"event {event_id!r} has started training job {job_id!r} already")


class RetrainingRunningError(ConflictError):
    def __init__(self, model_name: str, job_id: str) -> None:
        super().__init__(f"model {model_name!r} is being retrained already, by training job {job_id!r}")


class WorkflowNotStartedError(UnavailableError):
    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(f"the workflow of training job {job_id!r} could not be started: {reason}")


class ResultMissingError(InvalidError):
    """The job ended well and left no result: its container breaks the contract."""

    def __init__(self, job_id: str, uri: str) -> None:
        super().__init__(f"training job {job_id!r} ended without a result at {uri!r}")


class ResultUnreadableError(InvalidError):
    def __init__(self, job_id: str, uri: str, reason: str) -> None:
        super().__init__(f"the result of training job {job_id!r} at {uri!r} cannot be read: {reason}")
