"""Which kind a column is, as SQL over its values.

A value of a CSV file is text until all values of its column are something more. Text stays as it is, except
that the empty one is missing; in columns of another kind, the usual marks for missing values are missing too.
"""

from dataclasses import dataclass

from shelflife.contracts.data import ColumnKind

#: From this share of numbers on, a column with other values is a faulty number column, and not text.
MOSTLY = 0.9

_MARKS = ("", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "#na", "-nan")
_MARK_LIST = ", ".join(f"'{mark}'" for mark in _MARKS)
_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+ ?(Z|[+-][0-9:]+)?)?"

#: duckdb's macros over a text: NULL where it is no value, or none of the kind.
MACROS = {
    "given": f"CASE WHEN lower(trim(t)) NOT IN ({_MARK_LIST}) THEN t END",
    # duckdb reads 1_000 as a number; in data, it is a code.
    "number_in": (
        "CASE WHEN NOT contains(t, '_') THEN nullif(TRY_CAST(given(t) AS DOUBLE), 'nan'::DOUBLE) END"
    ),
    # What fits a BIGINT for certain.
    "integer_in": "CASE WHEN regexp_full_match(trim(t), '[+-]?[0-9]{1,18}') THEN CAST(t AS BIGINT) END",
    "boolean_in": (
        "CASE WHEN lower(trim(t)) IN ('true', '1') THEN true"
        " WHEN lower(trim(t)) IN ('false', '0') THEN false END"
    ),
    # A time without a zone is UTC, as the connection is.
    "timestamp_in": (
        f"CASE WHEN regexp_full_match(trim(t), '{_STAMP}')"
        " THEN CAST(TRY_CAST(trim(t) AS TIMESTAMPTZ) AS TIMESTAMP) END"
    ),
    "text_in": "nullif(t, '')",
}

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_NUMBERS = {"UBIGINT", "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE"}
_TEXTS = {"VARCHAR", "UUID", "JSON"}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of a CSV column's texts are values, and how many of those are of each kind."""

    given: int
    numbers: int
    integers: int
    booleans: int
    timestamps: int

    def of(self, kind: ColumnKind) -> int:
        return {
            ColumnKind.NUMBER: self.numbers,
            ColumnKind.BOOLEAN: self.booleans,
            ColumnKind.TIMESTAMP: self.timestamps,
            ColumnKind.TEXT: self.given,
        }[kind]

    @property
    def kind(self) -> ColumnKind | None:
        """The kind of all the values; none if they are mostly numbers, but not all."""
        for kind in (ColumnKind.NUMBER, ColumnKind.BOOLEAN, ColumnKind.TIMESTAMP):
            if self.of(kind) == self.given:
                return kind
        return None if self.numbers >= MOSTLY * self.given else ColumnKind.TEXT


def declared_kind(sql_type: str) -> ColumnKind | None:
    """The kind of a Parquet column by duckdb's name of its type; none if it is not supported."""
    if sql_type in _INTEGERS | _NUMBERS or sql_type.startswith("DECIMAL"):
        return ColumnKind.NUMBER
    if sql_type == "BOOLEAN":
        return ColumnKind.BOOLEAN
    if sql_type == "DATE" or sql_type.startswith("TIMESTAMP"):
        return ColumnKind.TIMESTAMP
    return ColumnKind.TEXT if sql_type in _TEXTS or sql_type.startswith("ENUM") else None


def in_text(kind: ColumnKind, column: str) -> str:
    """SQL: the text of the column as a value of the kind, NULL if it is none."""
    return f"{kind}_in({column})"


def of_declared(kind: ColumnKind, sql_type: str, column: str) -> str:
    """SQL: a Parquet column as what is kept of its kind; NaN and the empty text are missing."""
    if kind is ColumnKind.NUMBER:
        whole = sql_type in _INTEGERS
        return f"CAST({column} AS BIGINT)" if whole else f"nullif(CAST({column} AS DOUBLE), 'nan'::DOUBLE)"
    if kind is ColumnKind.TIMESTAMP:
        return f"CAST({column} AS TIMESTAMP)"
    return f"text_in(CAST({column} AS VARCHAR))" if kind is ColumnKind.TEXT else column
