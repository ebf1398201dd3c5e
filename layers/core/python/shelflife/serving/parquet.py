"""Columns to Parquet bytes and back, by DuckDB."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np

from shelflife.serving.columns import Column, Columns, ColumnTypes

_FILE = "rows.parquet"
_OPTIONS = "(FORMAT parquet, COMPRESSION zstd)"


def to_parquet(columns: Columns, types: ColumnTypes) -> bytes:
    """A file with exactly these columns, of these types."""
    # A sample decides on a column's type, and one of nothing but None would decide wrongly: missing text
    # goes in as empty text, which no column holds otherwise.
    given = {
        name: _present(columns[name]) if sql == "VARCHAR" else columns[name] for name, sql in types.items()
    }
    chosen = ", ".join(_chosen(name, sql, columns[name]) for name, sql in types.items())
    return _copied(f"SELECT {chosen} FROM captured", given)  # noqa: S608 - names are quoted, types are ours


def empty_parquet(types: ColumnTypes) -> bytes:
    """A file with these columns and no rows."""
    chosen = ", ".join(f"CAST(NULL AS {sql}) AS {_quoted(name)}" for name, sql in types.items())
    return _copied(f"SELECT {chosen} WHERE false", None)


def from_parquet(content: bytes) -> Columns:
    """The columns; a missing number is NaN, anything else missing is None."""
    with TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as connection:
        path = Path(folder) / _FILE
        path.write_bytes(content)
        read = connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchnumpy()
    return {name: _plain(values) for name, values in read.items()}


def _copied(query: str, captured: Columns | None) -> bytes:
    with TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as connection:
        path = Path(folder) / _FILE
        if captured is not None:
            connection.register("captured", captured)
        connection.execute(f"COPY ({query}) TO '{path}' {_OPTIONS}")
        return path.read_bytes()


def _chosen(name: str, sql: str, column: Column) -> str:
    place = _quoted(name)
    if sql == "VARCHAR":
        return f"nullif({place}, '') AS {place}"
    # What is None everywhere would be taken for numbers, which are no lists.
    nothing = column.dtype == object and all(value is None for value in column)
    return f"CAST({'NULL' if nothing else place} AS {sql}) AS {place}"


def _present(column: Column) -> Column:
    return np.array(["" if value is None else value for value in column], dtype=object)


def _plain(values: Any) -> Column:
    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    number = values.dtype.kind == "f"
    plain: Column = np.array(values.data, dtype=values.dtype if number else object)
    plain[np.ma.getmaskarray(values)] = np.nan if number else None
    return plain


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
