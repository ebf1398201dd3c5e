"""Reads uploaded files with duckdb: typed rows as Parquet, what is in each column, and the profile.

What does not fit in memory goes to the working folder: the rows themselves never pass through Python.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from shelflife.contracts.data import ColumnKind
from shelflife.data.checks import (
    AllMissingError,
    EmptyFileError,
    InfiniteNumberError,
    MixedColumnError,
    UnknownColumnError,
    UnreadableParquetError,
    WrongValueError,
)
from shelflife.data.kinds import MACROS, Tally, declared_kind, in_text, of_declared
from shelflife.data.model import FileFormat, Kinds, TypedRows
from shelflife.data.raw_table import Duck, RawTable, blamed_on, open_csv, open_parquet, quoted
from shelflife.data.summary import summary

#: Beside it, the function needs room for one column of numbers, several times.
MEMORY_LIMIT = "1200MB"


@dataclass(frozen=True, slots=True)
class _Typed:
    """A column on its way into the rows: `raw` is what it was, `expression` what it becomes, both SQL."""

    name: str
    kind: ColumnKind
    raw: str
    expression: str


@dataclass(frozen=True, slots=True)
class DuckReader:
    memory_limit: str = MEMORY_LIMIT

    def read(self, path: Path, file_format: FileFormat, kinds: Kinds, folder: Path) -> TypedRows:
        if path.stat().st_size == 0:
            raise EmptyFileError
        with _connected(folder, self.memory_limit) as duck:
            if file_format is FileFormat.CSV:
                return _read(duck, open_csv(duck, path), kinds, folder)
            # Parquet is read as it is asked for, so a broken page shows up anywhere.
            with blamed_on(path, UnreadableParquetError):
                return _read(duck, open_parquet(duck, path), kinds, folder)


@contextmanager
def _connected(folder: Path, memory_limit: str) -> Iterator[Duck]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        # With more, duckdb 2.0 writes the rows of Parquet out of order now and then, for all that
        # `preserve_insertion_order` says; splits by order need them in order. It is not slower, either.
        "threads": 1,
        "temp_directory": str(folder / "spilled"),
        # An uploaded file is a stranger's: nothing that it says may load code or read other files.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(str(folder / "work.duckdb"), config=config) as duck:
        duck.execute("SET TimeZone = 'UTC'")
        for name, expression in MACROS.items():
            duck.execute(f"CREATE MACRO {name}(t) AS {expression}")
        duck.execute(f"SET allowed_directories = [{quoted(folder)}]")
        duck.execute("SET enable_external_access = false")
        duck.execute("SET lock_configuration = true")
        yield duck


def _read(duck: Duck, raw: RawTable, kinds: Kinds, folder: Path) -> TypedRows:
    for name, kind in kinds.items():
        if name not in raw.names:
            raise UnknownColumnError(name, kind)
    typed = [_typed(duck, raw, place, kinds.get(name)) for place, name in enumerate(raw.names)]
    path = folder / "rows.parquet"
    selected = ", ".join(f"{column.expression} AS {_name(column.name)}" for column in typed)
    duck.execute(
        f"COPY (SELECT {selected} FROM {raw.relation}) TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd)"  # noqa: S608 - expressions of ours, names quoted
    )
    columns, profile_json = summary(duck, path, {column.name: column.kind for column in typed})
    for column in columns:
        if column.missing == raw.row_count:
            raise AllMissingError(column.name, raw.row_count)
    return TypedRows(path, raw.row_count, columns, profile_json)


def _typed(duck: Duck, raw: RawTable, place: int, wanted: ColumnKind | None) -> _Typed:
    name, column = raw.names[place], f"c{place}"
    if raw.types is None:
        return _of_text(duck, raw, name, column, wanted)
    sql_type = raw.types[place]
    declared = declared_kind(sql_type)
    if declared is None or (wanted is not None and wanted is not declared):
        return _of_text(duck, raw, name, f"CAST({column} AS VARCHAR)", wanted)
    return _finite(duck, raw, _Typed(name, declared, column, of_declared(declared, sql_type, column)))


def _of_text(duck: Duck, raw: RawTable, name: str, column: str, wanted: ColumnKind | None) -> _Typed:
    """The column as the kind that is wanted, or as the one that all of its texts are."""
    tally = _tally(duck, raw, column)
    kind = wanted or tally.kind
    if kind is None:
        row, value = _first_other(duck, raw, column, ColumnKind.NUMBER)
        raise MixedColumnError(name, row, value, tally.numbers, tally.given)
    if tally.of(kind) < tally.given:
        row, value = _first_other(duck, raw, column, kind)
        raise WrongValueError(name, row, value, kind)
    if kind is ColumnKind.NUMBER and tally.integers == tally.given:
        return _Typed(name, kind, column, f"integer_in({column})")
    return _finite(duck, raw, _Typed(name, kind, column, in_text(kind, column)))


def _tally(duck: Duck, raw: RawTable, column: str) -> Tally:
    row = duck.execute(
        f"SELECT count(given({column})), count(number_in({column})), count(integer_in({column})),"  # noqa: S608 - c0, c1, …
        f" count(boolean_in({column})), count(timestamp_in({column})) FROM {raw.relation}"
    ).fetchone()
    return Tally(*(int(count) for count in row or (0,) * 5))


def _first_other(duck: Duck, raw: RawTable, column: str, kind: ColumnKind) -> tuple[int, str]:
    """The first row whose value is not of the kind."""
    return _first(duck, raw, column, f"given({column}) IS NOT NULL AND {in_text(kind, column)} IS NULL")


def _finite(duck: Duck, raw: RawTable, typed: _Typed) -> _Typed:
    """The column as it is.

    Raises:
        InfiniteNumberError: it is a number column with an infinity.
    """
    if typed.kind is ColumnKind.NUMBER:
        row, value = _first(duck, raw, typed.raw, f"isinf(CAST({typed.expression} AS DOUBLE))")
        if row:
            raise InfiniteNumberError(typed.name, row, value)
    return typed


def _first(duck: Duck, raw: RawTable, column: str, condition: str) -> tuple[int, str]:
    """Number, from 1, and value of the first row for which the condition holds; (0, "") without one."""
    found = duck.execute(
        f"SELECT row, CAST({column} AS VARCHAR) FROM {raw.numbered} WHERE {condition} ORDER BY row LIMIT 1"  # noqa: S608 - expressions of ours
    ).fetchone()
    return (int(found[0]), str(found[1])) if found else (0, "")


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
