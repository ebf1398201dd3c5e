from shelflife.kernel.errors import ConflictError, FieldFault, InvalidError, NotFoundError, UnavailableError


class DatasetNotFoundError(NotFoundError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no dataset {name!r} with a version")


class DatasetVersionNotFoundError(NotFoundError):
    def __init__(self, name: str, version: int | str) -> None:
        super().__init__(f"dataset {name!r} has no version {version}")


class DatasetColumnNotFoundError(NotFoundError):
    def __init__(self, name: str, version: int, column: str) -> None:
        super().__init__(f"version {version} of dataset {name!r} has no column {column!r}")


class UploadNotFoundError(NotFoundError):
    def __init__(self, name: str, upload_id: str) -> None:
        super().__init__(f"dataset {name!r} has no upload {upload_id!r}")


class IngestionNotFoundError(NotFoundError):
    def __init__(self, name: str, ingestion_id: str) -> None:
        super().__init__(f"dataset {name!r} has no ingestion {ingestion_id!r}")


class UploadExistsError(ConflictError):
    def __init__(self, upload_id: str) -> None:
        super().__init__(f"an upload {upload_id!r} exists already")


class IngestionExistsError(ConflictError):
    def __init__(self, ingestion_id: str) -> None:
        super().__init__(f"an ingestion {ingestion_id!r} exists already")


class UploadMissingError(ConflictError):
    def __init__(self, name: str, upload_id: str) -> None:
        super().__init__(f"upload {upload_id!r} of dataset {name!r} has no file: nothing was PUT to its URL")


class VersionTakenError(ConflictError):
    """Another ingestion took the number, or brought the same content, first."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"version {version} of dataset {name!r} was taken by another ingestion")


class VersionRacedError(ConflictError):
    """The race was lost as often as it was run; the workflow tries again."""

    def __init__(self, name: str, attempts: int) -> None:
        super().__init__(f"dataset {name!r} gave its next version to others {attempts} times")


class UploadInterruptedError(UnavailableError):
    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"reading {key!r} broke off: {reason}")


class StoredObjectBusyError(UnavailableError):
    def __init__(self, key: str) -> None:
        super().__init__(f"{key!r} is being written by somebody else")


class VersionNumberError(InvalidError):
    def __init__(self, text: str) -> None:
        message = f"version {text!r} is neither a number nor 'latest'"
        super().__init__(message, [FieldFault("version", message)])


class IngestionBrokenOffError(UnavailableError):
    """Told of an ingestion whose function crashed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the file was not read to its end: {reason}")
