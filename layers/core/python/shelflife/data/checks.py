"""What can be wrong with a file: each is an ordinary end of an ingestion, told to who uploaded it.

Rows are counted from 1 and without the header; lines are the lines of the file.
"""

from shelflife.kernel.errors import FieldFault, InvalidError

#: Faults of the whole file stand in this field, faults of a column in one of the column's name.
FILE = "file"
HEADER = "header"
_SHOWN = 80


class DataCheckError(InvalidError):
    """The file cannot become a version of a dataset."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, [FieldFault(field, message)])


class FileTooLargeError(DataCheckError):
    def __init__(self, size: int, limit: int) -> None:
        super().__init__(FILE, f"file has {size} bytes, the limit is {limit}")


class TooManyRowsError(DataCheckError):
    def __init__(self, rows: int, limit: int) -> None:
        super().__init__(FILE, f"file has {rows} rows, the limit is {limit}")


class EmptyFileError(DataCheckError):
    def __init__(self) -> None:
        super().__init__(FILE, "file is empty: it has 0 bytes")


class NoRowsError(DataCheckError):
    def __init__(self, columns: int) -> None:
        super().__init__(FILE, f"file has no rows below its header of {columns} columns")


class WrongEncodingError(DataCheckError):
    def __init__(self, offset: int, value: int) -> None:
        super().__init__(FILE, f"file is not UTF-8 text: byte {offset} is 0x{value:02x}")


class EmptyColumnNameError(DataCheckError):
    def __init__(self, position: int) -> None:
        super().__init__(HEADER, f"header has an empty name at position {position}")


class DuplicateColumnError(DataCheckError):
    """Names that differ in case alone are one name to SQL engines, so they count as the same."""

    def __init__(self, name: str, first: int, second: int) -> None:
        super().__init__(HEADER, f"header has the name {name!r} at positions {first} and {second}")


class DelimiterError(DataCheckError):
    def __init__(self, header: str, delimiter: str) -> None:
        super().__init__(
            HEADER, f"header {shown(header)} is separated by {delimiter!r}, expected a comma between columns"
        )


class RaggedRowError(DataCheckError):
    def __init__(self, line: int, found: int, expected: int) -> None:
        super().__init__(FILE, f"line {line} has {found} values, the header has {expected} columns")


class UnreadableCsvError(DataCheckError):
    def __init__(self, reason: str, line: int | None = None) -> None:
        where = f"line {line} of the file" if line else "file"
        super().__init__(FILE, f"{where} is not readable as CSV: {reason}")


class UnreadableParquetError(DataCheckError):
    def __init__(self, reason: str) -> None:
        super().__init__(FILE, f"file is not readable as Parquet: {reason}")


class UnsupportedTypeError(DataCheckError):
    def __init__(self, column: str, found: str) -> None:
        super().__init__(
            column, f"column {column!r} has the type {found}, expected number, boolean, text or timestamp"
        )


class UnknownColumnError(DataCheckError):
    def __init__(self, column: str, kind: str) -> None:
        super().__init__(
            f"columns.{column}",
            f"column {column!r} was to be read as {kind}, but the file has no such column",
        )


class AllMissingError(DataCheckError):
    def __init__(self, column: str, rows: int) -> None:
        super().__init__(column, f"column {column!r} has no value in any of its {rows} rows")


class MixedColumnError(DataCheckError):
    """A few texts among numbers are more often a fault of the file than meant."""

    def __init__(self, column: str, row: int, value: str, numbers: int, present: int) -> None:
        super().__init__(
            column,
            f"column {column!r} has {numbers} numbers among {present} values,"
            f" but row {row} has {shown(value)}",
        )


class WrongValueError(DataCheckError):
    def __init__(self, column: str, row: int, value: str, kind: str) -> None:
        super().__init__(
            column, f"column {column!r} was to be read as {kind}, but row {row} has {shown(value)}"
        )


class InfiniteNumberError(DataCheckError):
    def __init__(self, column: str, row: int, value: str) -> None:
        super().__init__(
            column, f"column {column!r} has {shown(value)} in row {row}, expected a finite number"
        )


def shown(value: str) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
