"""What tracking says no with; `mlflow_code` is what MLflow's clients know it by."""

from typing import ClassVar

from shelflife.kernel.errors import (
    ConflictError,
    FieldFault,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)


class ExperimentNotFoundError(NotFoundError):
    def __init__(self, field: str, value: str) -> None:
        super().__init__(f"there is no experiment with {field} {value!r}")


class ExperimentExistsError(ConflictError):
    mlflow_code: ClassVar[str] = "RESOURCE_ALREADY_EXISTS"

    def __init__(self, name: str) -> None:
        super().__init__(f"an experiment named {name!r} exists already (it may be deleted: then restore it)")


class ExperimentTakenError(ConflictError):
    def __init__(self, experiment_id: str, name: str) -> None:
        super().__init__(f"experiment {experiment_id!r} is another one here, named {name!r}")


class ExperimentDeletedError(InvalidError):
    def __init__(self, experiment_id: str) -> None:
        super().__init__(f"experiment {experiment_id!r} is deleted: restore it first")


class ExperimentBusyError(UnavailableError):
    def __init__(self, experiment: str) -> None:
        super().__init__(f"experiment {experiment!r} is being made or changed by others at once: try again")


class ExperimentRemovingError(ConflictError):
    mlflow_code: ClassVar[str] = "INVALID_STATE"

    def __init__(self, experiment_id: str) -> None:
        super().__init__(f"experiment {experiment_id!r} is being removed for good: it cannot be restored")


class RunNotFoundError(NotFoundError):
    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run with id {run_id!r}")


class RunExistsError(ConflictError):
    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is a run with id {run_id!r} already")


class RunTakenError(ConflictError):
    def __init__(self, run_id: str, experiment_id: str) -> None:
        super().__init__(f"run {run_id!r} is another one here, in experiment {experiment_id!r}")


class RunDeletedError(InvalidError):
    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id!r}, or its experiment, is deleted: restore it first")


class RunRemovingError(UnavailableError):
    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id!r} is being removed for good: try again when it is gone")


class RunBusyError(UnavailableError):
    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id!r} is being logged to by too many callers at once")


class RunTooLargeError(InvalidError):
    def __init__(self, run_id: str, size: int, limit: int) -> None:
        super().__init__(
            f"the params, tags and metrics of run {run_id!r} would take {size} bytes (compressed), "
            f"the limit is {limit}: log long texts as artifacts"
        )


class LostRaceError(ConflictError):
    """Somebody else changed the thing after it was read; read it again."""


class ParamChangedError(InvalidError):
    def __init__(self, run_id: str, key: str, known: str, sent: str) -> None:
        message = f"param {key!r} of run {run_id!r} is {known!r} and cannot become {sent!r}"
        super().__init__(message, [FieldFault("params", message)])


class TagNotFoundError(NotFoundError):
    def __init__(self, key: str, owner: str) -> None:
        super().__init__(f"{owner} has no tag {key!r}")


class RunNameConflictError(InvalidError):
    def __init__(self, run_name: str, tag: str) -> None:
        super().__init__(f"run_name is {run_name!r}, but the tag 'mlflow.runName' is {tag!r}")


class ArtifactNotFoundError(NotFoundError):
    def __init__(self, path: str) -> None:
        super().__init__(f"there is no artifact at {path!r}")


class InvalidArtifactPathError(InvalidError):
    def __init__(self, path: str) -> None:
        message = f"{path!r} is no relative path of plain names"
        super().__init__(message, [FieldFault("path", message)])


class ArtifactTooLargeError(TooLargeError):
    def __init__(self, path: str, size: int, limit: int) -> None:
        super().__init__(
            f"artifact {path!r} has {size} bytes, {limit} may be sent through the API: "
            "let the client upload in parts (MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=true and "
            f"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE={limit})"
        )


class PartUploadNotFoundError(NotFoundError):
    def __init__(self, upload_id: str) -> None:
        super().__init__(f"there is no unfinished upload {upload_id!r}; it was completed or aborted")


class IndexBusyError(UnavailableError):
    def __init__(self, run_id: str) -> None:
        super().__init__(f"the index entries of run {run_id!r} are being written by another: try again")


class LoggedModelNotFoundError(NotFoundError):
    def __init__(self, model_id: str) -> None:
        super().__init__(f"there is no logged model with id {model_id!r}")


class LoggedModelTakenError(ConflictError):
    def __init__(self, model_id: str, experiment_id: str) -> None:
        super().__init__(f"logged model {model_id!r} is another one here, in experiment {experiment_id!r}")


class LoggedModelBusyError(UnavailableError):
    def __init__(self, model_id: str) -> None:
        super().__init__(f"logged model {model_id!r} is being changed by too many callers at once: try again")


class LoggedModelTooLargeError(InvalidError):
    def __init__(self, model_id: str, size: int, limit: int) -> None:
        super().__init__(
            f"the params, tags and metrics of logged model {model_id!r} would take {size} bytes "
            f"(compressed), the limit is {limit}"
        )


class ArtifactRootElsewhereError(InvalidError):
    def __init__(self, root_uri: str) -> None:
        super().__init__(f"the artifacts are at {root_uri!r}, which is not kept here: read them there")


class PageFileNotFoundError(NotFoundError):
    def __init__(self, path: str) -> None:
        super().__init__(f"MLflow's pages have no file {path!r}")


class InvalidRemovalError(InvalidError):
    def __init__(self, field: str, problem: str) -> None:
        message = f"{field} {problem}"
        super().__init__(message, [FieldFault(field, problem)])


class RemovalNotFoundError(NotFoundError):
    def __init__(self, removal_id: str) -> None:
        super().__init__(f"there is no removal with id {removal_id!r} (they are known for 90 days)")


class RemovalKeyReusedError(ConflictError):
    def __init__(self, key: str, removal_id: str) -> None:
        super().__init__(f"idempotency key {key!r} was used for another removal, {removal_id!r}")


class RemovalNotStartedError(UnavailableError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the removal could not be started, or looked at: {reason}: try again")
