from collections.abc import Sequence

from shelflife.kernel.errors import ConflictError, FieldFault, InvalidError, NotFoundError


class MonitorNotFoundError(NotFoundError):
    def __init__(self, deployment: str) -> None:
        super().__init__(f"deployment {deployment!r} is not monitored: it has not been activated yet")


class ReportNotFoundError(NotFoundError):
    def __init__(self, deployment: str, report_id: str) -> None:
        super().__init__(f"deployment {deployment!r} has no report {report_id!r}")


class ScanOvertakenError(ConflictError):
    """The monitor changed while it was scanned: the workflow scans again."""

    def __init__(self, deployment: str, scan_id: str) -> None:
        super().__init__(f"monitor {deployment!r} changed while scan {scan_id!r} looked at it")


class UnknownIgnoredFeatureError(InvalidError):
    def __init__(self, deployment: str, columns: Sequence[str], known: Sequence[str]) -> None:
        message = (
            f"deployment {deployment!r} has no features {', '.join(map(repr, columns))};"
            f" it has {', '.join(known)}"
        )
        super().__init__(message, [FieldFault("ignored", message)])


class LabelValueError(InvalidError):
    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__(f"{len(faults)} values are no finite numbers, as a regression's labels are", faults)
