"""What files become: kinds, missing values, facts of columns."""

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from shelflife.contracts.data import ColumnKind
from shelflife.data.model import TypedRows
from shelflife.kernel.profiles import from_json, reference_profile
from tests.unit.data.reading import read_csv, read_parquet

NUMBER, BOOLEAN, TEXT, TIMESTAMP = (
    ColumnKind.NUMBER,
    ColumnKind.BOOLEAN,
    ColumnKind.TEXT,
    ColumnKind.TIMESTAMP,
)


def rows_of(read: TypedRows) -> list[tuple[Any, ...]]:
    return duckdb.read_parquet(str(read.path)).fetchall()


def types_of(read: TypedRows) -> list[str]:
    return [str(sql_type) for sql_type in duckdb.read_parquet(str(read.path)).types]


def kinds_of(read: TypedRows) -> dict[str, ColumnKind]:
    return {column.name: column.kind for column in read.columns}


def test_every_kind_is_found(tmp_path: Path) -> None:
    read = read_csv(
        tmp_path,
        'id,price,ok,name,"at, UTC"\n'
        '1,0.5,true,"a ""quoted"", one",2026-11-20\n'
        "2,-3e2,FALSE,two\u00e9,2026-11-20T12:00:00.25+02:00\n",
    )
    assert list(kinds_of(read).items()) == [
        ("id", NUMBER),
        ("price", NUMBER),
        ("ok", BOOLEAN),
        ("name", TEXT),
        ("at, UTC", TIMESTAMP),
    ]
    assert types_of(read) == ["BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "TIMESTAMP"]
    first, second = rows_of(read)
    assert first[:4] == (1, 0.5, True, 'a "quoted", one')
    assert second[:4] == (2, -300.0, False, "twoé")
    assert second[4].isoformat() == "2026-11-20T10:00:00.250000"


def test_missing_is_missing_however_it_is_written(tmp_path: Path) -> None:
    read = read_csv(tmp_path, 'n,t,b\n1,NA,true\n,x,\nNaN,"",null\nn/a,y,N/A\n2.5,,false\n')
    assert rows_of(read) == [
        (1.0, "NA", True),
        (None, "x", None),
        (None, None, None),
        (None, "y", None),
        (2.5, None, False),
    ]
    assert [column.missing for column in read.columns] == [3, 2, 3]


def test_facts_of_a_column_are_counted(tmp_path: Path) -> None:
    lines = "\n".join(f"{i},{i % 3},{'ab'[i % 2]}" for i in range(2000))
    many, few, letters = read_csv(tmp_path, f"many,few,letters\n{lines}\n").columns
    assert (many.distinct, many.counts) == (1001, None)
    assert (few.distinct, few.counts) == (3, {"0": 667, "1": 667, "2": 666})
    assert (letters.missing, letters.counts) == (0, {"a": 1000, "b": 1000})


def test_the_profile_is_that_of_the_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    numbers, words = rng.normal(size=900), np.asarray([f"w{i}" for i in rng.zipf(1.3, 900)], dtype=object)
    lines = "\n".join(
        f"{n!r},{w},{'' if i % 9 == 0 else w}"
        for i, (n, w) in enumerate(zip(numbers.tolist(), words, strict=True))
    )
    found = from_json(read_csv(tmp_path, f"n,w,gaps\n{lines}\n").profile_json)
    gaps = np.asarray([None if i % 9 == 0 else w for i, w in enumerate(words)], dtype=object)
    expected = reference_profile({"n": numbers, "w": words, "gaps": gaps})
    assert found.row_count == 900
    for name, column in expected.columns.items():
        assert found.columns[name].bins == column.bins
        np.testing.assert_array_equal(found.columns[name].counts, column.counts)
        np.testing.assert_allclose(found.columns[name].sums, column.sums)
        assert found.columns[name].missing == column.missing


def test_booleans_and_times_are_profiled_as_numbers(tmp_path: Path) -> None:
    profile = from_json(read_csv(tmp_path, "b,t\ntrue,1970-01-02\n,1970-01-01\nfalse,\n").profile_json)
    assert profile.columns["b"].mean == 0.5
    assert (profile.columns["t"].lowest, profile.columns["t"].highest) == (0.0, 86_400.0)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\r\n1,x\r\n2,y", [(1, "x"), (2, "y")]),
        ("\ufeffa,b\n1,x\n\n2,y\n\n", [(1, "x"), (2, "y")]),
        ('a,b\n1,"x\ny"\n2,"p\r\nq"\n', [(1, "x\ny"), (2, "p\r\nq")]),
        ("a\n1\n\n2\n", [(1,), (None,), (2,)]),
        ("a,A b\n1,2020_01\n2,2020_02\n", [(1, "2020_01"), (2, "2020_02")]),
        ('"we""ird; DROP",select\n1,2\n', [(1, 2)]),
        ("a\n12345678901234567890\n1\n", [(1.2345678901234567e19,), (1.0,)]),
    ],
)
def test_files_of_many_shapes_are_read(tmp_path: Path, content: str, rows: list[Any]) -> None:
    assert rows_of(read_csv(tmp_path, content)) == rows


def test_a_kind_can_be_asked_for(tmp_path: Path) -> None:
    read = read_csv(tmp_path, "zip,flag,n\n01234,1,1\n00001,0,oops\n", zip=TEXT, flag=BOOLEAN, n=TEXT)
    assert rows_of(read) == [("01234", True, "1"), ("00001", False, "oops")]


def test_a_few_texts_among_numbers_may_be_meant(tmp_path: Path) -> None:
    content = "x\n" + "\n".join(["1"] * 10 + ["?"]) + "\n"
    assert kinds_of(read_csv(tmp_path, content, x=TEXT)) == {"x": TEXT}


def test_many_texts_among_numbers_are_text(tmp_path: Path) -> None:
    content = "x\n" + "\n".join(["1"] * 8 + ["?", "?"]) + "\n"
    assert kinds_of(read_csv(tmp_path, content)) == {"x": TEXT}


def test_the_same_file_becomes_the_same_rows_in_its_order(tmp_path: Path) -> None:
    content = "a,b\n" + "".join(f"{i},{i / 7!r}\n" for i in range(300_000))
    bodies = set()
    for name in ("one", "two", "three"):
        folder = tmp_path / name
        folder.mkdir()
        read = read_csv(folder, content)
        assert [row[0] for row in rows_of(read)] == list(range(300_000))
        bodies.add(read.path.read_bytes())
    assert len(bodies) == 1


def test_parquet_keeps_its_kinds(tmp_path: Path) -> None:
    read = read_parquet(
        tmp_path,
        "SELECT i::UTINYINT AS i, (i / 2)::FLOAT AS f, i::DECIMAL(9, 2) AS d, i % 2 = 0 AS b, 'x' || i AS s,"
        " DATE '2026-01-01' + i::INTEGER AS day, TIMESTAMPTZ '2026-01-01 12:00:00+02' AS tz,"
        " CASE WHEN i = 1 THEN 'nan'::DOUBLE ELSE i END AS gap, CASE WHEN i = 1 THEN '' ELSE 'y' END AS empty"
        " FROM range(3) r(i)",
    )
    assert list(kinds_of(read).values()) == [
        NUMBER,
        NUMBER,
        NUMBER,
        BOOLEAN,
        TEXT,
        TIMESTAMP,
        TIMESTAMP,
        NUMBER,
        TEXT,
    ]
    assert types_of(read)[:3] == ["BIGINT", "DOUBLE", "DOUBLE"]
    second = rows_of(read)[1]
    assert second[:5] == (1, 0.5, 1.0, False, "x1")
    assert second[6].isoformat() == "2026-01-01T10:00:00"
    assert second[7:] == (None, None)


def test_a_kind_can_be_asked_for_of_parquet(tmp_path: Path) -> None:
    read = read_parquet(tmp_path, "SELECT 7 AS code, '1.5' AS price FROM range(2)", code=TEXT, price=NUMBER)
    assert rows_of(read) == [("7", 1.5), ("7", 1.5)]


def test_what_a_file_names_is_never_run(tmp_path: Path) -> None:
    name = 'x"), (SELECT 1) AS "y\'; DROP TABLE raw; --'
    quoted = '"' + name.replace('"', '""') + '"'
    read = read_csv(tmp_path, f"{quoted},b\n1,2\n")
    assert [column.name for column in read.columns] == [name, "b"]
    assert list(json.loads(read.profile_json)["columns"]) == [name, "b"]
