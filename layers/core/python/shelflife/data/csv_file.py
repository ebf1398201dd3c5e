"""The structure of a CSV file: UTF-8, commas, a header, as many values in each row.

duckdb reads the rows; this reads them first, because it can say on which line of the file a fault is, and
because a reader that skips what it does not understand would lose rows in silence.
"""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from shelflife.data.checks import (
    DelimiterError,
    DuplicateColumnError,
    EmptyColumnNameError,
    NoRowsError,
    RaggedRowError,
    UnreadableCsvError,
    WrongEncodingError,
)

#: The longest value, and duckdb's longest line.
LONGEST = 2_000_000
_CHUNK = 1024 * 1024
_OTHER_DELIMITERS = (";", "\t", "|")


def check_csv(path: Path) -> tuple[tuple[str, ...], int]:
    """The names of the columns and the number of rows.

    Raises:
        DataCheckError: the file is not what duckdb will read it as.
    """
    check_text(path)
    csv.field_size_limit(LONGEST)
    with path.open(encoding="utf-8-sig", newline="") as text:
        records = _records(csv.reader(text, strict=True))
        _, header = next(records, (1, []))
        names = check_names(header or [""])
        _check_delimiter(header)
        rows = _count(records, len(names))
    if rows == 0:
        raise NoRowsError(len(names))
    return names, rows


def check_text(path: Path) -> None:
    """Read all of the file as text, a chunk at a time.

    Raises:
        WrongEncodingError: a byte cannot stand where it does in UTF-8 text, or is NUL.
    """
    decoder, offset = codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            _decode(decoder, chunk, offset)
            nul = chunk.find(b"\0")
            if nul >= 0:
                raise WrongEncodingError(offset + nul, 0)
            offset += len(chunk)
    _decode(decoder, b"", offset)


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, if each can name a column.

    Raises:
        EmptyColumnNameError: a name is empty or blank.
        DuplicateColumnError: a name is there twice, whatever its case.
    """
    first: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise EmptyColumnNameError(position)
        if first.setdefault(name.lower(), position) != position:
            raise DuplicateColumnError(name, first[name.lower()], position)
    return tuple(names)


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, offset: int) -> None:
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        # What the decoder kept of the chunk before stands in front of this one.
        kept = len(error.object) - len(chunk)
        raise WrongEncodingError(offset - kept + error.start, error.object[error.start]) from error


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line that it begins on."""
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1  # type: ignore[attr-defined]  # csv's own reader, whose class has no name
    except csv.Error as error:
        raise UnreadableCsvError(str(error), line) from error


def _check_delimiter(header: Sequence[str]) -> None:
    if len(header) == 1:
        found = Counter(letter for letter in header[0] if letter in _OTHER_DELIMITERS)
        for delimiter, _ in found.most_common(1):
            raise DelimiterError(header[0], delimiter)


def _count(records: Iterator[tuple[int, list[str]]], width: int) -> int:
    """The number of rows: blank lines are none, unless a row has one value, which may be missing."""
    rows = 0
    for line, record in records:
        if not record and width > 1:
            continue
        if len(record) != width and record:
            raise RaggedRowError(line, len(record), width)
        rows += 1
    return rows
