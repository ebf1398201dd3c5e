from typing import ClassVar

from shelflife.kernel.errors import (
    ConflictError,
    FieldFault,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)


class RegisteredModelNotFoundError(NotFoundError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no registered model {name!r}")


class RegisteredModelExistsError(ConflictError):
    """MLflow keeps models and prompts under the same names."""

    mlflow_code: ClassVar[str] = "RESOURCE_ALREADY_EXISTS"

    def __init__(self, name: str, kind: str = "registered model") -> None:
        super().__init__(f"a {kind} {name!r} already exists")


class RegisteredModelKeptError(ConflictError):
    """What a deployment needs stays."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"registered model {name!r} has to stay as it is: {reason}")


class RegisteredModelChangedError(ConflictError):
    """Somebody else wrote the model since it was read; whoever can read it again tries again."""

    def __init__(self, name: str) -> None:
        super().__init__(f"registered model {name!r} was changed by another caller meanwhile")


class RegisteredModelBusyError(UnavailableError):
    def __init__(self, name: str) -> None:
        super().__init__(f"registered model {name!r} is being changed by many callers at once: try again")


class InvalidModelNameError(InvalidError):
    def __init__(self, field: str, name: str) -> None:
        message = f"{name!r} is not a model's name: 1 to 256 characters, no '/' or ':', not '.' or '..'"
        super().__init__(message, [FieldFault(field, message)])


class RegisteredModelTakenError(ConflictError):
    def __init__(self, name: str) -> None:
        super().__init__(f"registered model {name!r} is another one here: it was made at another time")


class ModelVersionTakenError(ConflictError):
    def __init__(self, model_name: str, version: int, reason: str) -> None:
        super().__init__(f"version {version} of model {model_name!r} is not free: {reason}")


class ModelVersionNotFoundError(NotFoundError):
    def __init__(self, model_name: str, version: int | str) -> None:
        super().__init__(f"model {model_name!r} has no version {version}")


class ModelVersionExistsError(ConflictError):
    def __init__(self, model_name: str, version: int) -> None:
        super().__init__(f"model {model_name!r} already has a version {version}")


class ModelVersionKeptError(ConflictError):
    """What a deployment serves, or may serve next, stays."""

    def __init__(self, model_name: str, version: int, reason: str) -> None:
        super().__init__(f"version {version} of model {model_name!r} cannot be deleted: {reason}")


class InvalidSourceError(InvalidError):
    def __init__(self, source: str, reason: str) -> None:
        message = f"invalid model version source {source!r}: {reason}"
        super().__init__(message, [FieldFault("source", message)])


class InvalidFilePathError(InvalidError):
    def __init__(self, path: str) -> None:
        message = f"path {path!r} is no path of a file: plain names and slashes are expected"
        super().__init__(message, [FieldFault("path", message)])


class InvalidStageError(InvalidError):
    def __init__(self, stage: str, expected: str) -> None:
        message = f"invalid stage {stage!r}: expected {expected}"
        super().__init__(message, [FieldFault("stage", message)])


class StageMovedError(ConflictError):
    def __init__(self, model_name: str, version: int) -> None:
        super().__init__(
            f"version {version} of model {model_name!r} was moved to another stage by another caller "
            "meanwhile"
        )


class CandidateNotPassedError(ConflictError):
    def __init__(self, model_name: str, job_id: str, evaluation_id: str, reason: str) -> None:
        super().__init__(
            f"the candidate of job {job_id!r} for model {model_name!r} cannot be registered: "
            f"evaluation {evaluation_id!r} {reason}"
        )


class AliasNotFoundError(NotFoundError):
    def __init__(self, model_name: str, alias: str) -> None:
        super().__init__(f"model {model_name!r} has no alias {alias!r}")


class AliasUnknownError(InvalidError):
    """A missing alias as MLflow's clients know it: a bad parameter, not a missing resource."""

    def __init__(self, model_name: str, alias: str) -> None:
        message = f"registered model alias {alias} of {model_name!r} not found"
        super().__init__(message, [FieldFault("alias", message)])


class AliasMovedError(ConflictError):
    def __init__(self, model_name: str, alias: str) -> None:
        super().__init__(f"alias {alias!r} of model {model_name!r} was moved by another caller meanwhile")


class AliasKeptError(ConflictError):
    def __init__(self, model_name: str, alias: str, version: int, deployment: str) -> None:
        super().__init__(
            f"alias {alias!r} of model {model_name!r} points to version {version}, and deployment "
            f"{deployment!r} follows it: it can be moved to another version, not removed"
        )


class TooManyAliasesError(ConflictError):
    def __init__(self, model_name: str, most: int) -> None:
        super().__init__(f"model {model_name!r} has {most} aliases already, which is the limit")


class VersionNotServableError(ConflictError):
    def __init__(self, model_name: str, version: int, alias: str, deployment: str) -> None:
        super().__init__(
            f"version {version} of model {model_name!r} cannot be served, so alias {alias!r}, which "
            f"deployment {deployment!r} follows, cannot point to it"
        )


class InvalidAliasError(InvalidError):
    def __init__(self, alias: str) -> None:
        message = (
            f"{alias!r} is not an alias: 1 to 255 letters, digits, '_', '-' and '.', not 'latest' or 'v1'"
        )
        super().__init__(message, [FieldFault("alias", message)])


class ModelRecordTooLargeError(TooLargeError):
    def __init__(self, name: str) -> None:
        super().__init__(f"what is kept of {name!r} would be larger than 400 KB: its tags are too long")
