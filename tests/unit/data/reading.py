"""Files as tests write them, read as an ingestion reads them."""

from pathlib import Path

import duckdb

from shelflife.contracts.data import ColumnKind
from shelflife.data.duck import DuckReader
from shelflife.data.model import FileFormat, TypedRows


def write_parquet(path: Path, query: str) -> None:
    relation = duckdb.sql(query)
    assert relation is not None
    relation.write_parquet(str(path))


def read_csv(folder: Path, content: str | bytes, **kinds: ColumnKind) -> TypedRows:
    path = folder / "source.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return DuckReader().read(path, FileFormat.CSV, kinds, folder)


def read_parquet(folder: Path, query: str, **kinds: ColumnKind) -> TypedRows:
    path = folder / "source.parquet"
    write_parquet(path, query)
    return DuckReader().read(path, FileFormat.PARQUET, kinds, folder)
