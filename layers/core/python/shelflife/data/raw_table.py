"""An uploaded file as a duckdb relation, whose columns are c0, c1, … until they are typed.

Names of the file stay out of the SQL that checks it: they may be anything.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from shelflife.data.checks import (
    DataCheckError,
    NoRowsError,
    TooManyRowsError,
    UnreadableCsvError,
    UnreadableParquetError,
    UnsupportedTypeError,
)
from shelflife.data.csv_file import check_csv, check_names
from shelflife.data.kinds import declared_kind
from shelflife.data.model import LARGEST_ROWS

Duck = duckdb.DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class RawTable:
    """`types` are duckdb's; of a CSV file there are none, for all of it is text."""

    relation: str
    numbered: str
    names: tuple[str, ...]
    types: tuple[str, ...] | None
    row_count: int


def open_csv(duck: Duck, path: Path) -> RawTable:
    """Check the file and load it, as text.

    Raises:
        DataCheckError: the file is no such CSV.
    """
    names, rows = check_csv(path)
    _check_size(rows, len(names))
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(names)))
    with blamed_on(path, UnreadableCsvError):
        duck.execute(
            f"CREATE TABLE raw AS SELECT * FROM read_csv({quoted(path)}, auto_detect = false, header = true,"  # noqa: S608 - a path of ours, and c0, c1, …
            " delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = true,"
            f" strict_mode = true, null_padding = false, columns = {{{columns}}})"
        )
    found = int(scalar(duck, "SELECT count(*) FROM raw"))
    if found != rows:
        # Two readers disagree about what a row is: rather refuse the file than lose rows.
        raise UnreadableCsvError(f"its quotes and line ends make {rows} rows or {found} rows")
    return RawTable("raw", "(SELECT *, rowid + 1 AS row FROM raw)", names, None, rows)


def open_parquet(duck: Duck, path: Path) -> RawTable:
    """Check what the file says of itself; its rows are read when they are asked for.

    Raises:
        DataCheckError: it is no Parquet, or has columns that have no kind.
    """
    with blamed_on(path, UnreadableParquetError):
        fields = duck.execute(f"SELECT name, num_children FROM parquet_schema({quoted(path)})").fetchall()  # noqa: S608 - a path of ours
        names = check_names(_top_level(fields))
        types = tuple(
            str(found[1])
            for found in duck.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(path)})").fetchall()  # noqa: S608 - see above
        )
        rows = int(scalar(duck, f"SELECT num_rows FROM parquet_file_metadata({quoted(path)})"))  # noqa: S608 - see above
    for name, sql_type in zip(names, types, strict=True):
        if declared_kind(sql_type) is None:
            raise UnsupportedTypeError(name, sql_type)
    _check_size(rows, len(names))
    columns = ", ".join(f"c{place}" for place in range(len(names)))
    duck.execute(f"CREATE VIEW raw AS SELECT * FROM read_parquet({quoted(path)}) AS file({columns})")  # noqa: S608 - see above
    return RawTable("raw", "(SELECT *, row_number() OVER () AS row FROM raw)", names, types, rows)


def scalar(duck: Duck, query: str) -> int:
    """The one number that the query answers."""
    row = duck.execute(query).fetchone()
    return int(row[0]) if row else 0


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def blamed_on(path: Path, refusal: Callable[[str], DataCheckError]) -> Iterator[None]:
    """Tell what duckdb cannot read as a fault of the file, except what is a fault of this machine."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        # A full disk is an IOException too; it names another file.
        if isinstance(error, duckdb.IOException) and str(path) not in str(error):
            raise
        line = next(iter(str(error).splitlines()), "")
        reason = line.removeprefix("Invalid Input Error: ").replace(str(path), path.name).rstrip(".")
        raise refusal(reason) from error


def _top_level(fields: list[tuple[str, int | None]]) -> list[str]:
    """Names of the columns themselves out of a schema that is listed depth first, its root before all."""
    names: list[str] = []
    skipped = 0
    for name, children in fields[1:]:
        if skipped:
            skipped -= 1
        else:
            names.append(name)
        skipped += (children or 0) if skipped or name == names[-1] else 0
    return names


def _check_size(rows: int, columns: int) -> None:
    if rows == 0:
        raise NoRowsError(columns)
    if rows > LARGEST_ROWS:
        raise TooManyRowsError(rows, LARGEST_ROWS)
