"""Every fault that a file can have is refused by its name and value."""

from pathlib import Path

import pytest

from shelflife.contracts.data import ColumnKind
from shelflife.data import raw_table
from shelflife.data.checks import DataCheckError
from shelflife.data.duck import DuckReader
from shelflife.data.model import FileFormat
from tests.unit.data.reading import read_csv, read_parquet, write_parquet

NUMBER, BOOLEAN, TEXT, TIMESTAMP = (
    ColumnKind.NUMBER,
    ColumnKind.BOOLEAN,
    ColumnKind.TEXT,
    ColumnKind.TIMESTAMP,
)

MIXED = "x\n" + "1\n" * 11 + "oops\n" + "2\n" * 5
FAULTS: dict[str, tuple[str | bytes, dict[str, ColumnKind], str, str, str]] = {
    "empty file": (b"", {}, "EmptyFileError", "file", "0 bytes"),
    "no rows": ("a,b\n", {}, "NoRowsError", "file", "no rows below its header of 2 columns"),
    "no rows but blank lines": ("a,b\n\n\n", {}, "NoRowsError", "file", "no rows"),
    "a name twice": ("a,b,a\n1,2,3\n", {}, "DuplicateColumnError", "header", "'a' at positions 1 and 3"),
    "a name twice but for case": (
        "a,A\n1,2\n",
        {},
        "DuplicateColumnError",
        "header",
        "'A' at positions 1 and 2",
    ),
    "an index without a name": (
        ",b\n0,2\n",
        {},
        "EmptyColumnNameError",
        "header",
        "header has an empty name at position 1",
    ),
    "a blank name": ("a, ,b\n0,2,3\n", {}, "EmptyColumnNameError", "header", "empty name at position 2"),
    "a blank first line": ("\na,b\n1,2\n", {}, "EmptyColumnNameError", "header", "position 1"),
    "semicolons": ("a;b\n1;2\n", {}, "DelimiterError", "header", "'a;b' is separated by ';'"),
    "latin-1": (
        "a,b\n1,x\n2,caf\u00e9\n".encode("latin-1"),
        {},
        "WrongEncodingError",
        "file",
        "byte 13 is 0xe9",
    ),
    "a cut off letter": ("a\ncaf\u00e9".encode()[:-1], {}, "WrongEncodingError", "file", "byte 5 is 0xc3"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), {}, "WrongEncodingError", "file", "byte 0 is 0xff"),
    "nul": (b"a,b\n1,\x00\n", {}, "WrongEncodingError", "file", "byte 6 is 0x00"),
    "a short row": (
        'a,b\n1,"x\ny"\n3\n',
        {},
        "RaggedRowError",
        "file",
        "line 4 has 1 values, the header has 2 columns",
    ),
    "a long row": ("a,b\n1,2\n3,4,5\n", {}, "RaggedRowError", "file", "line 3 has 3 values"),
    "a comma too many": ("a,b\n1,2,\n", {}, "RaggedRowError", "file", "line 2 has 3 values"),
    "an open quote": ('a,b\n1,2\n3,"x\n4,5\n', {}, "UnreadableCsvError", "file", "line 3 of the file"),
    "text after a quote": ('a,b\n1,"x"y\n', {}, "UnreadableCsvError", "file", "line 2 of the file"),
    "mixed line ends": ("a,b\n1,2\n3,4\r\n5,6\n", {}, "UnreadableCsvError", "file", "CSV"),
    "nothing in a column": (
        "a,b\n1,\n2,\n",
        {},
        "AllMissingError",
        "b",
        "'b' has no value in any of its 2 rows",
    ),
    "marks alone in a column": ("a,b\n1,NA\n2,NaN\n", {}, "AllMissingError", "b", "'b'"),
    "text among numbers": (
        MIXED,
        {},
        "MixedColumnError",
        "x",
        "16 numbers among 17 values, but row 12 has 'oops'",
    ),
    "text for a number": (
        "a,x\n1,2\n1,y\n",
        {"x": NUMBER},
        "WrongValueError",
        "x",
        "as number, but row 2 has 'y'",
    ),
    "text for a boolean": (
        "x\ntrue\n2\n",
        {"x": BOOLEAN},
        "WrongValueError",
        "x",
        "as boolean, but row 2 has '2'",
    ),
    "text for a time": (
        "x\n2026-01-01\n2026-13-01\n",
        {"x": TIMESTAMP},
        "WrongValueError",
        "x",
        "row 2 has '2026-13-01'",
    ),
    "an infinity": ("x\n1\ninf\n", {}, "InfiniteNumberError", "x", "'inf' in row 2"),
    "a number beyond all": ("x\n1\n2\n-1e999\n", {}, "InfiniteNumberError", "x", "'-1e999' in row 3"),
    "a kind for no column": (
        "x\n1\n",
        {"y": TEXT},
        "UnknownColumnError",
        "columns.y",
        "'y' was to be read as text",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_faulty_csv_is_refused_by_name_and_value(tmp_path: Path, case: str) -> None:
    content, kinds, error, field, message = FAULTS[case]
    with pytest.raises(DataCheckError) as refused:
        read_csv(tmp_path, content, **kinds)
    assert type(refused.value).__name__ == error
    assert message in str(refused.value)
    assert [fault.field for fault in refused.value.faults] == [field]


PARQUET_FAULTS: dict[str, tuple[str, dict[str, ColumnKind], str, str, str]] = {
    "a list": (
        "SELECT 1 AS a, [1, 2] AS tags",
        {},
        "UnsupportedTypeError",
        "tags",
        "'tags' has the type INTEGER[]",
    ),
    "a struct": ("SELECT {'p': 1, 'q': {'r': 2}} AS s, 1 AS a", {}, "UnsupportedTypeError", "s", "STRUCT"),
    "a map": ("SELECT 1 AS a, map {'k': 1} AS m, 2 AS b", {}, "UnsupportedTypeError", "m", "MAP"),
    "bytes": ("SELECT 'x'::BLOB AS raw", {}, "UnsupportedTypeError", "raw", "BLOB"),
    "a time of day": ("SELECT TIME '10:00' AS t", {}, "UnsupportedTypeError", "t", "TIME"),
    "no rows": ("SELECT 1 AS a WHERE false", {}, "NoRowsError", "file", "no rows"),
    "nothing in a column": ("SELECT 1 AS a, NULL::DOUBLE AS b", {}, "AllMissingError", "b", "'b'"),
    "only NaN in a column": ("SELECT 'nan'::DOUBLE AS b", {}, "AllMissingError", "b", "'b'"),
    "an infinity": (
        "SELECT i, 1 / (i - 1) AS x FROM range(3) r(i)",
        {},
        "InfiniteNumberError",
        "x",
        "'inf' in row 2",
    ),
    "text for a number": ("SELECT 'y' AS x", {"x": NUMBER}, "WrongValueError", "x", "row 1 has 'y'"),
}


@pytest.mark.parametrize("case", PARQUET_FAULTS)
def test_a_faulty_parquet_is_refused_by_name_and_value(tmp_path: Path, case: str) -> None:
    query, kinds, error, field, message = PARQUET_FAULTS[case]
    with pytest.raises(DataCheckError) as refused:
        read_parquet(tmp_path, query, **kinds)
    assert type(refused.value).__name__ == error
    assert message in str(refused.value)
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize("damage", ["cut", "csv", "pages", "schema"])
def test_a_broken_parquet_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "source.parquet"
    write_parquet(path, "SELECT i, 'x' || i FROM range(999) r(i)")
    body = path.read_bytes()
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    path.write_bytes(
        {
            "cut": body[: len(body) // 2],
            "csv": b"a,b\n1,2\n",
            "pages": body[:40] + bytes(400) + body[440:],
            "schema": body[:footer] + bytes(40) + body[footer + 40 :],
        }[damage]
    )
    with pytest.raises(DataCheckError) as refused:
        DuckReader().read(path, FileFormat.PARQUET, {}, tmp_path)
    assert type(refused.value).__name__ == "UnreadableParquetError"
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("second", ["aa", "AA"])
def test_a_parquet_with_a_name_twice_is_refused(tmp_path: Path, second: str) -> None:
    path = tmp_path / "source.parquet"
    write_parquet(path, "SELECT 1 AS aa, {'x': 1} AS n, 2 AS zz")
    # duckdb itself writes no such file, others do.
    path.write_bytes(path.read_bytes().replace(b"zz", second.encode()))
    with pytest.raises(DataCheckError, match=f"header has the name '{second}' at positions 1 and 3"):
        DuckReader().read(path, FileFormat.PARQUET, {}, tmp_path)


def test_too_many_rows_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_table, "LARGEST_ROWS", 2)
    with pytest.raises(DataCheckError, match="file has 3 rows, the limit is 2"):
        read_csv(tmp_path, "a\n1\n2\n3\n")
