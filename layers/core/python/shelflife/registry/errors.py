from shelflife.kernel.errors import ConflictError, FieldFault, InvalidError, NotFoundError


class RegisteredModelNotFoundError(NotFoundError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no registered model {name!r}")


class RegisteredModelExistsError(ConflictError):
    mlflow_code = "RESOURCE_ALREADY_EXISTS"

    def __init__(self, name: str) -> None:
        super().__init__(f"a registered model {name!r} exists already")


class RegisteredModelKeptError(ConflictError):
    """What was trained, judged or served by the platform stays known."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"registered model {name!r} cannot be deleted: {reason}")


class RegisteredModelChangedError(ConflictError):
    def __init__(self, name: str) -> None:
        super().__init__(f"registered model {name!r} was changed by another caller meanwhile")


class ModelVersionNotFoundError(NotFoundError):
    def __init__(self, model_name: str, version: int | str) -> None:
        super().__init__(f"model {model_name!r} has no version {version}")


class ModelVersionExistsError(ConflictError):
    def __init__(self, model_name: str, version: int) -> None:
        super().__init__(f"model {model_name!r} already has a version {version}")


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
    def __init__(self, model_name: str, alias: str, version: int) -> None:
        super().__init__(
            f"alias {alias!r} of model {model_name!r} points to version {version}, which deployments may "
            "serve: it can be moved to another version, not removed"
        )


class VersionNotServableError(ConflictError):
    def __init__(self, model_name: str, version: int, alias: str) -> None:
        super().__init__(
            f"version {version} of model {model_name!r} was not trained and judged by the platform, "
            f"so alias {alias!r}, which deployments may follow, cannot point to it"
        )


class InvalidAliasError(InvalidError):
    def __init__(self, alias: str) -> None:
        message = f"{alias!r} is not an alias: letters, digits, '_', '-' and '.', not 'latest' or 'v1'"
        super().__init__(message, [FieldFault("alias", message)])


class InvalidModelSearchError(InvalidError):
    def __init__(self, field: str, text: str, reason: str) -> None:
        message = f"{field} {text!r} cannot be read: {reason}"
        super().__init__(message, [FieldFault(field, message)])
